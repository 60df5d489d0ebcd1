//! Whether the race can be enumerated, and whether the orders a file names fit it.

use std::ops::Range;

use super::points::{Point, policy};
use crate::error::Mistake;
use crate::frame::{Frame, OrdersFrame};
use crate::located::Located;
use wxmock_model::order::Order;
use wxmock_model::program::{Explore, Program};
use wxmock_schedule::Space;

/// Checks that the race can be enumerated and that named orders fit it.
pub(super) fn check_orders(program: &Program, frame: &Frame, point: &Point) -> Result<(), Mistake> {
    let (rotation, returns) = policy(point);
    let race = frame.phones.iter().find(|phone| !phone.tasks.is_empty());
    let race_span = || race.map_or(0..0, |phone| phone.name.span().clone());
    let space = Space::of(program, rotation, returns)
        .map_err(|error| Mistake::new(race_span(), error.to_string(), "the race starts here"))?;
    match (&program.explore, &frame.explore.orders) {
        (Explore::Named(orders), OrdersFrame::Named(texts)) => {
            for (order, text) in orders.iter().zip(texts) {
                if let Err(error) = space.check(order) {
                    return Err(order_mistake(
                        text,
                        error.word().as_deref().unwrap_or_default(),
                        &error.to_string(),
                    ));
                }
            }
        }
        (
            Explore::All {
                inversions: None,
                max_orders: None,
            },
            _,
        ) if !frame.may_be_large && space.linearisations() > MOST_LINEARISATIONS => {
            let message = format!(
                "this race has about {:.0e} interleavings",
                space.linearisations()
            );
            let span = if frame.explore.span.is_empty() {
                race_span()
            } else {
                frame.explore.span.clone()
            };
            return Err(Mistake::new(span, message, "too many to run them all")
                .help("bound it: [explore] max_orders = 200, or inversions = 3"));
        }
        _ => {}
    }
    Ok(())
}

fn order_mistake(text: &Located, word: &str, message: &str) -> Mistake {
    let is_word = |part: &Range<usize>| {
        text.as_str()[part.clone()]
            .split('+')
            .any(|name| name == word)
    };
    let place = word_ranges(text.as_str()).into_iter().find(is_word);
    let span = place.map_or_else(|| text.span().clone(), |part| text.place(&part));
    Mistake::new(span, message, "this order")
}

fn word_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for word in text.split([' ', '.']) {
        ranges.push(start..start + word.len());
        start += word.len() + 1;
    }
    ranges
}

/// What `[explore]` asks for.
pub(super) fn explore(frame: &Frame) -> Result<Explore, Mistake> {
    let explore = &frame.explore;
    Ok(match &explore.orders {
        OrdersFrame::All => Explore::All {
            inversions: explore.inversions,
            max_orders: explore.max_orders,
        },
        OrdersFrame::Fifo => Explore::Fifo,
        OrdersFrame::Named(texts) => {
            let read = |text: &Located| {
                let spaced = text
                    .as_str()
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                spaced
                    .parse::<Order>()
                    .map_err(|error| order_mistake(text, &error.0, &error.to_string()))
            };
            Explore::Named(texts.iter().map(read).collect::<Result<_, _>>()?)
        }
    })
}

/// Four logins and an encrypt, the largest race worth running whole, have 33.6 million.
const MOST_LINEARISATIONS: f64 = 5e7;
