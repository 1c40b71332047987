//! The picture as SVG. A library finds the places (layered, left to right); the shapes are our own, so that what a box
//! is can be seen without its colour.

use std::fmt::Write as _;

use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::picture::{Kind, Picture};
use super::text::{labels, lines};
use crate::base::Language;

/// Of boxes; whatever has another size is a label, also where the library made it.
const FONT: usize = 16;
const LABEL: usize = 12;
const LINE: f64 = 20.0;

const KINDS: [(Kind, &str, &str, &str); 8] = [
    (Kind::Entry, "entry", "号码", "number"),
    (Kind::Menu, "menu", "菜单", "menu"),
    (Kind::Queue, "queue", "队列", "queue"),
    (Kind::Person, "person", "人员", "person"),
    (Kind::Message, "message", "留言", "message"),
    (Kind::Callback, "callback", "回电", "callback"),
    (Kind::End, "end", "结束", "end"),
    (Kind::Plain, "plain", "步骤", "step"),
];

fn class(kind: Kind) -> &'static str {
    KINDS.iter().find(|one| one.0 == kind).map_or("plain", |one| one.1)
}

pub(super) fn draw(picture: &Picture, language: &Language) -> String {
    let mut graph = VisualGraph::new(Orientation::LeftToRight);
    let look = |size: usize| StyleAttr::new(Color::fast("black"), 1, None, 0, size);
    let handles: Vec<_> = picture
        .squares
        .iter()
        .map(|square| {
            let text = lines(square);
            let wide = text.iter().map(|line| width(line, FONT)).fold(0.0, f64::max);
            let size = Point::new(wide + 46.0, text.len() as f64 * LINE + 18.0);
            let missed = if square.count == Some(0) { " missed" } else { "" };
            let is = format!("{}{missed}", class(square.kind));
            let shape = ShapeKind::new_box(&text.join("\n"));
            let element =
                Element::create_with_properties(shape, look(FONT), Orientation::LeftToRight, size, is);
            graph.add_node(element)
        })
        .collect();
    for way in &picture.ways {
        let (Some(from), Some(to)) = (handles.get(way.from), handles.get(way.to)) else { continue };
        let text = labels(&way.labels, way.count).join("\n");
        let mut arrow = Arrow::simple(&text);
        arrow.look = look(LABEL);
        if way.failure {
            arrow.line_style = LineStyleKind::Dashed;
        }
        graph.add_edge(arrow, *from, *to);
    }
    let mut canvas = Canvas::default();
    if !picture.squares.is_empty() {
        graph.do_it(false, false, false, &mut canvas);
    }
    canvas.finish(&picture.title, language.0.starts_with("zh"))
}

/// About so wide is a line: a character of Han is a square.
fn width(line: &str, size: usize) -> f64 {
    line.chars().map(|c| if c.is_ascii() { 0.58 } else { 1.0 } * size as f64).sum()
}

#[derive(Default)]
struct Canvas {
    boxes: String,
    arrows: String,
    right: f64,
    bottom: f64,
}

impl Canvas {
    fn grow(&mut self, point: Point) {
        (self.right, self.bottom) = (self.right.max(point.x), self.bottom.max(point.y));
    }

    fn finish(mut self, title: &str, mandarin: bool) -> String {
        let mut legend = Canvas::default();
        let top = self.bottom + 40.0;
        let mut left = 20.0;
        for (_, class, chinese, english) in KINDS {
            let look = StyleAttr::new(Color::fast("black"), 1, None, 0, FONT);
            let size = Point::new(110.0, 38.0);
            legend.draw_rect(Point::new(left, top), size, &look, Some(class.to_owned()), None);
            let name = if mandarin { chinese } else { english };
            legend.draw_text(Point::new(left + 55.0, top + 19.0), name, &look);
            left += 130.0;
        }
        self.right = self.right.max(left);
        let (width, height) = (self.right + 30.0, top + 60.0);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" font-family=\"Noto Sans CJK SC, Noto Sans, sans-serif\">\n<title>{}</title>\n{STYLE}",
            escaped(title)
        );
        for part in [&self.arrows, &self.boxes, &legend.boxes] {
            out.push_str(part);
        }
        out.push_str("</svg>\n");
        out
    }
}

const STYLE: &str = "<style>\n\
    .s { fill: #fff; stroke: #333; stroke-width: 1.5 }\n\
    .entry { fill: #e7f0ff; stroke-width: 3 }\n\
    .menu { fill: #fff6d9 }\n\
    .queue { fill: #e4f5e4 }\n\
    .person { fill: #e4f5e4 }\n\
    .message, .callback { fill: #f3e8fb }\n\
    .end { fill: #eee }\n\
    .missed { stroke: #c00; stroke-width: 2.5; stroke-dasharray: 6 4 }\n\
    .a { fill: none; stroke: #567; stroke-width: 1.2 }\n\
    </style>\n\
    <defs><marker id=\"head\" markerWidth=\"9\" markerHeight=\"7\" refX=\"9\" refY=\"3.5\" orient=\"auto\">\
    <path d=\"M0 0 L9 3.5 L0 7 z\" fill=\"#567\"/></marker></defs>\n\
    <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";

impl RenderBackend for Canvas {
    fn draw_rect(
        &mut self,
        xy: Point,
        size: Point,
        _: &StyleAttr,
        is: Option<String>,
        _: Option<ClipHandle>,
    ) {
        let Some(is) = is else { return };
        let (x, y, w, h) = (xy.x, xy.y, size.x, size.y);
        let (r, b) = (x + w, y + h);
        self.grow(Point::new(r, b));
        let path = |points: &[(f64, f64)]| {
            let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.0},{y:.0}")).collect();
            format!("<polygon class=\"s {is}\" points=\"{}\"/>\n", points.join(" "))
        };
        let middle = y + h / 2.0;
        let rect = |inset: f64, round: f64| {
            format!(
                "<rect class=\"s {is}\" x=\"{:.0}\" y=\"{:.0}\" width=\"{:.0}\" height=\"{:.0}\" rx=\"{round:.0}\"/>\n",
                x + inset,
                y + inset,
                w - 2.0 * inset,
                h - 2.0 * inset
            )
        };
        let shape = match is.split(' ').next().unwrap_or_default() {
            "entry" => path(&[(x, y), (r - 16.0, y), (r, middle), (r - 16.0, b), (x, b)]),
            "menu" => {
                path(&[(x + 14.0, y), (r - 14.0, y), (r, middle), (r - 14.0, b), (x + 14.0, b), (x, middle)])
            }
            "queue" => path(&[(x + 16.0, y), (r, y), (r - 16.0, b), (x, b)]),
            "person" => format!(
                "<ellipse class=\"s {is}\" cx=\"{:.0}\" cy=\"{middle:.0}\" rx=\"{:.0}\" ry=\"{:.0}\"/>\n",
                x + w / 2.0,
                w / 2.0 + 6.0,
                h / 2.0 + 4.0
            ),
            "message" => path(&[(x, y), (r - 16.0, y), (r, y + 16.0), (r, b), (x, b)]),
            "callback" => path(&[(x + 16.0, y), (r, y), (r, b - 16.0), (r - 16.0, b), (x, b), (x, y + 16.0)]),
            "end" => rect(0.0, 20.0) + &rect(4.0, 16.0),
            _ => rect(0.0, 0.0),
        };
        self.boxes.push_str(&shape);
    }

    fn draw_line(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_circle(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_text(&mut self, xy: Point, text: &str, look: &StyleAttr) {
        let size = (if look.font_size == FONT { FONT } else { LABEL }) as f64;
        let line = if look.font_size == FONT { LINE } else { size * 1.25 };
        let count = text.lines().count() as f64;
        for (at, words) in text.lines().enumerate() {
            let y = xy.y + (at as f64 - (count - 1.0) / 2.0) * line;
            let bold = if look.font_size == FONT && at == 0 { " font-weight=\"bold\"" } else { "" };
            // On white, so that a line that passes below does not strike it out.
            let halo = if look.font_size == FONT {
                ""
            } else {
                " paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"4\""
            };
            // Writing into memory does not fail.
            let _ = writeln!(
                self.boxes,
                "<text x=\"{:.0}\" y=\"{y:.0}\" font-size=\"{size}\" text-anchor=\"middle\" dominant-baseline=\"central\"{bold}{halo}>{}</text>",
                xy.x,
                escaped(words)
            );
        }
        self.grow(Point::new(xy.x + 60.0, xy.y + count * line / 2.0));
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        dashed: bool,
        head: (bool, bool),
        _: &StyleAttr,
        _: Option<String>,
        _: &str,
    ) {
        let [first, second, rest @ ..] = path else { return };
        let mut d = format!(
            "M{:.0} {:.0} C{:.0} {:.0} {:.0} {:.0} {:.0} {:.0}",
            first.0.x, first.0.y, first.1.x, first.1.y, second.0.x, second.0.y, second.1.x, second.1.y
        );
        for point in rest {
            let _ = write!(d, " S{:.0} {:.0} {:.0} {:.0}", point.0.x, point.0.y, point.1.x, point.1.y);
        }
        path.iter().for_each(|(_, point)| self.grow(*point));
        let dash = if dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        let start = if head.0 { " marker-start=\"url(#head)\"" } else { "" };
        let end = if head.1 { " marker-end=\"url(#head)\"" } else { "" };
        let _ = writeln!(self.arrows, "<path class=\"a\" d=\"{d}\"{dash}{start}{end}/>");
    }

    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0
    }
}

/// XML 1.0 §2.4; characters that no XML may hold (§2.2) are left out.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}
