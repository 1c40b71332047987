//! Percentiles without keeping the values.

/// Linear histogram, 10 us buckets up to 400 ms.
pub struct Hist {
    pub b: Vec<u32>,
    pub n: u64,
    pub max: i64,
    pub sum: i64,
}
impl Hist {
    pub fn new() -> Self {
        Hist { b: vec![0; 40_000], n: 0, max: 0, sum: 0 }
    }
    pub fn add(&mut self, ns: i64) {
        let ns = ns.max(0);
        let i = ((ns / 10_000) as usize).min(self.b.len() - 1);
        self.b[i] += 1;
        self.n += 1;
        self.sum += ns;
        if ns > self.max {
            self.max = ns
        }
    }
    pub fn q(&self, p: f64) -> f64 {
        if self.n == 0 {
            return -1.0;
        }
        let want = ((self.n as f64) * p).ceil() as u64;
        let mut c = 0u64;
        for (i, v) in self.b.iter().enumerate() {
            c += *v as u64;
            if c >= want.max(1) {
                return (i as f64 + 0.5) / 100.0;
            }
        }
        self.max as f64 / 1e6
    }
    pub fn json(&self) -> String {
        format!(
            "{{\"n\":{},\"p50_ms\":{:.3},\"p99_ms\":{:.3},\"p999_ms\":{:.3},\"max_ms\":{:.3},\"mean_ms\":{:.3}}}",
            self.n,
            self.q(0.5),
            self.q(0.99),
            self.q(0.999),
            self.max as f64 / 1e6,
            if self.n > 0 { self.sum as f64 / self.n as f64 / 1e6 } else { -1.0 }
        )
    }
}
