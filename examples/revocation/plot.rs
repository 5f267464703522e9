//! A picture of how long revocations take, for light pages and dark ones.

use std::fmt::Write;

/// How long something took, many times.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    /// In milliseconds, the shortest first.
    pub(crate) times: Vec<f64>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 330.0;
/// Where the lines are, within the picture.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 276.0;
/// What the axis of time begins and ends with, as powers of ten of a millisecond.
const FROM: f64 = -0.5;
const TO: f64 = 3.7;
/// 4.5:1 on white and on black.
const GREY: &str = "#767676";
/// 3:1 or more on either. Dashes tell curves apart without colours.
const LOOKS: [(&str, &str); 3] = [("#3b82f6", "none"), ("#16a34a", "7 4"), ("#d97706", "2 3")];

/// As SVG.
pub(crate) fn drawn(curves: &[Curve]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"sans-serif\" font-size=\"13\" fill=\"{GREY}\">\n\
         <title>Share of revocations that are answered within a time</title>\n"
    );
    for (milliseconds, said) in [(1.0, "1 ms"), (10.0, "10 ms"), (100.0, "100 ms"), (1000.0, "1 s")] {
        line(&mut svg, (x(milliseconds), TOP), (x(milliseconds), BOTTOM));
        text(&mut svg, (x(milliseconds), BOTTOM + 18.0), "middle", said);
    }
    for quarter in 0..=4_u8 {
        let share = f64::from(quarter) / 4.0;
        line(&mut svg, (LEFT, y(share)), (RIGHT, y(share)));
        text(&mut svg, (LEFT - 8.0, y(share) + 4.5), "end", &format!("{:.0} %", share * 100.0));
    }
    text(&mut svg, (f64::midpoint(LEFT, RIGHT), BOTTOM + 42.0), "middle", "time until the revocation is answered");
    let mut legend = LEFT;
    for (curve, (colour, dashes)) in curves.iter().zip(LOOKS) {
        let look = format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-dasharray=\"{dashes}\"");
        let _ = writeln!(svg, "<path {look} d=\"M{legend} 20h34\"/>");
        text(&mut svg, (legend + 42.0, 24.5), "start", curve.name);
        let _ = writeln!(svg, "<path {look} d=\"{}\"/>", steps(&curve.times));
        legend += 190.0;
    }
    svg + "</svg>\n"
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(svg, "<path stroke=\"{GREY}\" stroke-opacity=\"0.35\" d=\"M{:.1} {:.1}L{:.1} {:.1}\"/>", from.0, from.1, to.0, to.1);
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, said: &str) {
    let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{said}</text>", at.0, at.1);
}

/// Up by one share at each time, and on to the end. Steps that nobody sees are left out.
fn steps(times: &[f64]) -> String {
    let mut path = format!("M{LEFT} {BOTTOM}");
    let mut drawn = LEFT;
    #[allow(clippy::cast_precision_loss)]
    for (number, time) in times.iter().enumerate() {
        let share = (number + 1) as f64 / times.len() as f64;
        if x(*time) - drawn >= 0.5 || number + 1 == times.len() {
            drawn = x(*time);
            let _ = write!(path, "H{drawn:.1}V{:.1}", y(share));
        }
    }
    let _ = write!(path, "H{RIGHT}");
    path
}

fn x(milliseconds: f64) -> f64 {
    LEFT + (milliseconds.log10().clamp(FROM, TO) - FROM) / (TO - FROM) * (RIGHT - LEFT)
}

fn y(share: f64) -> f64 {
    BOTTOM + share * (TOP - BOTTOM)
}
