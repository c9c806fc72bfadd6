use std::io::{Read, Write};

mod design;

fn words(ports: &[(&str, usize)]) -> usize {
    ports.iter().map(|port| port.1.div_ceil(64)).sum()
}

fn read_words(input: &mut impl Read, count: usize) -> std::io::Result<Vec<u64>> {
    let mut received = vec![0_u8; 8 * count];
    input.read_exact(&mut received)?;
    Ok(received.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap())).collect())
}

/// Each command is a byte. 0 takes an image of the inputs, settles, and answers with an image of the outputs. 1 is the edge. 2 takes a number and
/// as many images, runs as many clocks, and answers with as many images.
fn main() -> std::io::Result<()> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut states = vec![*design::power_up()];
    let (inputs, outputs) = (words(design::INPUTS), words(design::OUTPUTS));
    let mut command = [0];
    while input.read(&mut command)? == 1 {
        let clocks = match command[0] {
            0 => 1,
            1 => {
                design::edge(&mut states);
                continue;
            }
            _ => usize::try_from(read_words(&mut input, 1)?[0]).unwrap(),
        };
        let images = read_words(&mut input, clocks * inputs)?;
        let mut answers = vec![0_u64; clocks * outputs];
        for clock in 0..clocks {
            design::set_all(&mut states[0], &images[clock * inputs..][..inputs]);
            design::settle(&mut states);
            design::get_all(&states[0], &mut answers[clock * outputs..][..outputs]);
            if command[0] == 2 {
                design::edge(&mut states);
            }
        }
        output.write_all(&answers.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())?;
        output.flush()?;
    }
    Ok(())
}
