//! The points of a scenario: one for every combination of axis values.

use indexmap::IndexMap;

use crate::located::Located;
use wxmock_model::program::{Returns, Rotation};

/// Axis to value.
pub(crate) type Point = IndexMap<String, String>;

/// Every combination of axis values, in file order, the last axis changing fastest. `returns` only multiplies
/// `rotation = login`: elsewhere an old code cannot yield an older key.
pub(crate) fn points(axes: &IndexMap<&'static str, Vec<Located>>) -> Vec<Point> {
    let mut points = vec![Point::new()];
    for (&axis, values) in axes {
        let mut longer = Vec::new();
        for point in points {
            if axis == "returns"
                && point
                    .get("rotation")
                    .is_some_and(|rotation| rotation != "login")
            {
                longer.push(point);
                continue;
            }
            for value in values {
                let mut next = point.clone();
                next.insert(axis.to_owned(), value.as_str().to_owned());
                longer.push(next);
            }
        }
        points = longer;
    }
    points
}

/// When keys rotate and what old codes yield, at a point.
pub(crate) fn policy(point: &Point) -> (Rotation, Returns) {
    let rotation = match point.get("rotation").map(String::as_str) {
        Some("exchange") => Rotation::Exchange,
        Some("min_interval") => Rotation::MinInterval,
        _ => Rotation::Login,
    };
    let current = point.get("returns").is_some_and(|value| value == "current");
    (
        rotation,
        if current {
            Returns::Current
        } else {
            Returns::Bound
        },
    )
}
