use std::io::{Read, Write};

mod design;

fn words(ports: &[(&str, usize)]) -> usize {
    ports.iter().map(|port| port.1.div_ceil(64)).sum()
}

/// Each command is a byte: 0 takes an image of the inputs, settles, and answers with an image of the outputs; 1 is the edge.
fn main() -> std::io::Result<()> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut states = vec![*design::power_up()];
    let mut inputs = vec![0_u64; words(design::INPUTS)];
    let mut outputs = vec![0_u64; words(design::OUTPUTS)];
    let mut received = vec![0_u8; 8 * inputs.len()];
    let mut command = [0];
    while input.read(&mut command)? == 1 {
        if command[0] == 1 {
            design::edge(&mut states);
            continue;
        }
        input.read_exact(&mut received)?;
        for (word, bytes) in inputs.iter_mut().zip(received.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().unwrap());
        }
        design::set_all(&mut states[0], &inputs);
        design::settle(&mut states);
        design::get_all(&states[0], &mut outputs);
        output.write_all(&outputs.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())?;
        output.flush()?;
    }
    Ok(())
}
