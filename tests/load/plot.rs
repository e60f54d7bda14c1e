//! Line plots as SVG: they are text, so that they stand beside the tables in the repository.

use std::fmt::Write as _;

use crate::measure::short;

/// Some lines over two axes, both from zero.
pub(crate) struct Plot {
    title: String,
    x: String,
    y: String,
    series: Vec<Series>,
}

/// One line.
pub(crate) struct Series {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            points: Vec::new(),
        }
    }

    pub(crate) fn point(&mut self, x: f64, y: f64) {
        self.points.push((x, y));
    }
}

impl Plot {
    pub(crate) fn new(title: &str, x: &str, y: &str) -> Self {
        Self {
            title: title.to_owned(),
            x: x.to_owned(),
            y: y.to_owned(),
            series: Vec::new(),
        }
    }

    pub(crate) fn series(&mut self, series: impl IntoIterator<Item = Series>) {
        self.series.extend(series);
    }

    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    pub(crate) fn svg(&self) -> String {
        let (most_x, step_x) = axis(self.most(|point| point.0));
        let (most_y, step_y) = axis(self.most(|point| point.1));
        let to_x = |x: f64| LEFT + x / most_x * WIDTH;
        let to_y = |y: f64| TOP + HEIGHT - y / most_y * HEIGHT;
        let height = TOP + HEIGHT + BOTTOM + LINE * self.series.len() as f64;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
            LEFT + WIDTH + RIGHT
        );
        text(&mut svg, LEFT, 20.0, "start", &self.title);
        for x in steps(most_x, step_x) {
            line(&mut svg, (to_x(x), TOP), (to_x(x), TOP + HEIGHT));
            text(&mut svg, to_x(x), TOP + HEIGHT + 16.0, "middle", &short(x));
        }
        for y in steps(most_y, step_y) {
            line(&mut svg, (LEFT, to_y(y)), (LEFT + WIDTH, to_y(y)));
            text(&mut svg, LEFT - 6.0, to_y(y) + 4.0, "end", &short(y));
        }
        text(&mut svg, LEFT + WIDTH, TOP + HEIGHT + 32.0, "end", &self.x);
        text(&mut svg, LEFT, TOP - 8.0, "start", &self.y);
        for (number, series) in self.series.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let points: Vec<_> = series
                .points
                .iter()
                .map(|(x, y)| (to_x(*x), to_y(*y)))
                .collect();
            let legend = TOP + HEIGHT + BOTTOM + LINE * number as f64;
            draw(&mut svg, colour, &points);
            draw(&mut svg, colour, &[(LEFT, legend), (LEFT + 24.0, legend)]);
            text(&mut svg, LEFT + 32.0, legend + 4.0, "start", &series.name);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn most(&self, of: impl Fn(&(f64, f64)) -> f64) -> f64 {
        let points = self.series.iter().flat_map(|series| &series.points);
        points.map(of).fold(0.0, f64::max)
    }
}

/// Where an axis that holds this value ends, and how far its marks lie apart: 1, 2 or 5 times a power of ten.
fn axis(most: f64) -> (f64, f64) {
    let most = most.max(1e-3);
    let power = 10_f64.powf((most / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    let step = step
        .into_iter()
        .find(|step| most / step <= 6.0)
        .unwrap_or(most);
    ((most / step).ceil() * step, step)
}

fn steps(most: f64, step: f64) -> impl Iterator<Item = f64> {
    (0..100_u32)
        .map(move |number| f64::from(number) * step)
        .take_while(move |value| *value <= most + step / 2.0)
}

// Writing to a String cannot fail.

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('`', "");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#333\">{text}</text>"
    );
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ddd\"/>"
    );
}

fn draw(svg: &mut String, colour: &str, points: &[(f64, f64)]) {
    let list: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        list.join(" ")
    );
}

const LEFT: f64 = 64.0;
const TOP: f64 = 52.0;
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 260.0;
const RIGHT: f64 = 24.0;
const BOTTOM: f64 = 52.0;
const LINE: f64 = 18.0;
const COLOURS: [&str; 6] = [
    "#1b6ca8", "#d1495b", "#2e933c", "#edae49", "#6a4c93", "#555555",
];
