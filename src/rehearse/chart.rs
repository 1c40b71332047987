//! Where callers end, as a picture: a bar a plan for each class, one colour an end. An SVG of rectangles and text needs no
//! library: forty lines write it, and it looks the same in ten years.

use std::fmt::Write as _;

use super::through::{Ends, Passage, Passages};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 250.0;
const BAR: f64 = 20.0;
const GAP: f64 = 14.0;

/// As many as there are ends; told apart in grey, too, by their brightness.
const COLOURS: [&str; 7] = ["#2a6f4e", "#7fb069", "#cfe3a1", "#9aa5b1", "#5b6b7a", "#f2a65a", "#c8553d"];

/// The whole picture.
pub fn chart(passages: &Passages) -> String {
    let classes = passages.passages.first().map_or(&[][..], |first| first.classes.as_slice());
    let block = BAR * passages.passages.len() as f64 + GAP;
    let height = 70.0 + block * classes.len() as f64 + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<title>{}</title>\n",
        escaped(&passages.day)
    );
    let mut x = LEFT;
    for (end, colour) in Ends::ALL.iter().zip(COLOURS) {
        let name = end.name();
        let _ = write!(svg, "<rect x=\"{x}\" y=\"14\" width=\"10\" height=\"10\" fill=\"{colour}\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"23\" font-size=\"9\">{name}</text>", x + 13.0);
        x += 22.0 + 4.6 * name.len() as f64;
    }
    for (row, class) in classes.iter().enumerate() {
        let top = 50.0 + block * row as f64;
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{}\" font-weight=\"bold\">{}</text>",
            top + 14.0,
            escaped(&class.name)
        );
        for (number, passage) in passages.passages.iter().enumerate() {
            bar(&mut svg, passage, &class.name, top + BAR * number as f64);
        }
    }
    for share in [0, 25, 50, 75, 100] {
        let x = LEFT + (WIDTH - LEFT - 20.0) * f64::from(share) / 100.0;
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{}\" font-size=\"9\" text-anchor=\"middle\">{share} %</text>",
            height - 12.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, passage: &Passage, class: &str, y: f64) {
    let _ = writeln!(
        svg,
        "<text x=\"110\" y=\"{}\" font-size=\"10\">{}</text>",
        y + 13.0,
        escaped(&passage.name)
    );
    let Some(class) = passage.classes.iter().find(|known| known.name == class) else { return };
    let mut x = LEFT;
    for ((end, sample), colour) in Ends::ALL.iter().zip(&class.ends).zip(COLOURS) {
        let share = sample.estimate().map_or(0.0, |estimate| estimate.mean);
        let width = (WIDTH - LEFT - 20.0) * share / 100.0;
        let height = BAR - 4.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{colour}\"><title>{} {share:.1} %</title></rect>",
            end.name()
        );
        x += width;
    }
}

/// Text in XML 1.0 (§2.4).
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
