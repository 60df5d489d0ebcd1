//! A list that mostly has one element. Most people of a large world have one phone and one key, and those lie in place.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

/// Any number of elements; the first without an allocation of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<T>", into = "Vec<T>")]
#[serde(bound(serialize = "T: Clone + Serialize"))]
pub(crate) struct Few<T> {
    first: Option<T>,
    #[expect(
        clippy::box_collection,
        reason = "eight bytes instead of twenty-four where there is one element"
    )]
    rest: Option<Box<Vec<T>>>,
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, element: T) {
        match &mut self.first {
            None => self.first = Some(element),
            Some(_) => self.rest.get_or_insert_default().push(element),
        }
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        match index.checked_sub(1) {
            None => self.first.as_mut(),
            Some(index) => self.rest.as_mut()?.get_mut(index),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        match index.checked_sub(1) {
            None => self.first.as_ref(),
            Some(index) => self.rest.as_ref()?.get(index),
        }
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first
            .iter()
            .chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self {
            first: None,
            rest: None,
        }
    }
}

impl<T> Index<usize> for Few<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        self.get(index).expect("index within the list")
    }
}

impl<T> IndexMut<usize> for Few<T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        self.get_mut(index).expect("index within the list")
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(elements: Vec<T>) -> Self {
        let mut few = Self::default();
        for element in elements {
            few.push(element);
        }
        few
    }
}

impl<T> From<Few<T>> for Vec<T> {
    fn from(few: Few<T>) -> Self {
        let mut elements = Self::from_iter(few.first);
        elements.extend(few.rest.into_iter().flat_map(|rest| *rest));
        elements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list() {
        let mut few = Few::default();
        for n in 0..5 {
            assert_eq!((few.len(), few.get(n)), (n, None));
            few.push(n);
        }
        few[0] += 10;
        few[4] += 10;
        assert_eq!(few.iter().copied().collect::<Vec<_>>(), [10, 1, 2, 3, 14]);
        assert_eq!(Vec::from(few.clone()), [10, 1, 2, 3, 14]);
        assert_eq!(Few::from(vec![10, 1, 2, 3, 14]), few);
    }
}
