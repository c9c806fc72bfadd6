use std::io::{Error, ErrorKind, Read, Write};

mod design;

const SETTLE: u8 = 0;
const EDGE: u8 = 1;
const CLOCKS: u8 = 2;

fn words(ports: &[(&str, usize)]) -> usize {
    ports.iter().map(|port| port.1.div_ceil(64)).sum()
}

/// Fills `values`; `bytes` is room for them as they come.
fn read_words(input: &mut impl Read, bytes: &mut Vec<u8>, values: &mut [u64]) -> std::io::Result<()> {
    bytes.resize(8 * values.len(), 0);
    input.read_exact(bytes)?;
    for (value, bytes) in values.iter_mut().zip(bytes.chunks_exact(8)) {
        *value = u64::from_le_bytes(std::array::from_fn(|byte| bytes[byte]));
    }
    Ok(())
}

/// Each command is a byte. `SETTLE` takes an image of the inputs, settles, and answers with an image of the outputs. `EDGE` is the edge. `CLOCKS` takes a
/// number and as many images, runs as many clocks, and answers with as many images.
fn main() -> std::io::Result<()> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut states = vec![*design::power_up()];
    let (inputs, outputs) = (words(design::INPUTS), words(design::OUTPUTS));
    let (mut bytes, mut images, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    let mut command = [0];
    while input.read(&mut command)? == 1 {
        let clocks = match command[0] {
            SETTLE => 1,
            EDGE => {
                design::edge(&mut states);
                continue;
            }
            CLOCKS => {
                let mut number = [0];
                read_words(&mut input, &mut bytes, &mut number)?;
                usize::try_from(number[0]).map_err(|error| Error::new(ErrorKind::InvalidData, error))?
            }
            other => return Err(Error::new(ErrorKind::InvalidData, format!("command {other}"))),
        };
        images.resize(clocks * inputs, 0);
        read_words(&mut input, &mut bytes, &mut images)?;
        answers.resize(clocks * outputs, 0);
        for clock in 0..clocks {
            design::set_all(&mut states[0], &images[clock * inputs..][..inputs]);
            design::settle(&mut states);
            design::get_all(&states[0], &mut answers[clock * outputs..][..outputs]);
            if command[0] == CLOCKS {
                design::edge(&mut states);
            }
        }
        bytes.clear();
        bytes.extend(answers.iter().flat_map(|word| word.to_le_bytes()));
        output.write_all(&bytes)?;
        output.flush()?;
    }
    Ok(())
}
