//! Speech of the prompts, and how alike two signals are.

/// 8 kHz, with the pauses between its words: an English and a Chinese prompt.
pub fn speech() -> Vec<i16> {
    let files: [&[u8]; 2] = [
        include_bytes!("../../prompts/en-US/message/choices.wav"),
        include_bytes!("../../prompts/zh-CN/survey/scale-five.wav"),
    ];
    // Behind the plain header of 44 octets.
    let samples =
        |file: &'static [u8]| file[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]));
    files.into_iter().flat_map(samples).collect()
}

/// The same without its sharpest sounds, so that a click stands out.
pub fn soft_speech() -> Vec<i16> {
    let mut soft = speech();
    for _ in 0..3 {
        let smooth =
            |three: &[i16]| (i32::from(three[0]) + 2 * i32::from(three[1]) + i32::from(three[2])) / 4;
        soft = soft.windows(3).map(|three| smooth(three) as i16).collect();
    }
    soft
}

pub fn largest_step(samples: &[i16]) -> u16 {
    samples.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap_or(0)
}

/// Of two signals in step: 1 for the same at any loudness.
pub fn correlation(a: &[i16], b: &[i16]) -> f64 {
    let sum = |a: &[i16], b: &[i16]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    sum(a, b) / (sum(a, a) * sum(b, b)).sqrt()
}

/// The mean over frames of 20 ms that are not quiet of the signal-to-noise ratio, each between -10 and 35 dB.
pub fn segmental_snr(clean: &[i16], heard: &[i16]) -> f64 {
    let power = |samples: &mut dyn Iterator<Item = f64>| samples.map(|s| s * s).sum::<f64>();
    let ratios: Vec<f64> = clean
        .chunks_exact(160)
        .zip(heard.chunks_exact(160))
        .filter_map(|(clean, heard)| {
            let signal = power(&mut clean.iter().map(|s| f64::from(*s)));
            let noise = power(&mut clean.iter().zip(heard).map(|(a, b)| f64::from(*a) - f64::from(*b)));
            (signal > 160.0 * 200.0 * 200.0)
                .then(|| (10.0 * (signal / noise.max(1.0)).log10()).clamp(-10.0, 35.0))
        })
        .collect();
    ratios.iter().sum::<f64>() / ratios.len() as f64
}
