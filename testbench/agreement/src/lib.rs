mod random;
pub mod stimulus;
