//! A list in chunks that copies share: to copy it costs one count a chunk, and a chunk is copied once it is written to.

use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Elements of one chunk: few enough that the first write after a copy is short, many enough that a copy is.
const CHUNK: usize = 256;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Chunks<T> {
    /// All full but the last.
    chunks: Vec<Arc<Vec<T>>>,
}

impl<T> Chunks<T> {
    pub(crate) fn len(&self) -> usize {
        self.chunks
            .last()
            .map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// Every element in order, beginning with that of this index.
    pub(crate) fn iter_from(&self, index: usize) -> impl Iterator<Item = &T> {
        let first = index / CHUNK;
        let chunks = self.chunks.get(first..).unwrap_or_default();
        let elements = chunks.iter().flat_map(|chunk| chunk.iter());
        elements.skip(index - first * CHUNK)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.iter_from(0)
    }
}

impl<T: Clone> Chunks<T> {
    pub(crate) fn push(&mut self, element: T) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => Arc::make_mut(last).push(element),
            _ => self.chunks.push(Arc::new(vec![element])),
        }
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let chunk = self.chunks.get_mut(index / CHUNK)?;
        Arc::make_mut(chunk).get_mut(index % CHUNK)
    }
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T: Clone> FromIterator<T> for Chunks<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut chunks = Self::default();
        for element in elements {
            chunks.push(element);
        }
        chunks
    }
}

impl<T: Serialize> Serialize for Chunks<T> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list_and_a_copy_keeps_what_it_was() {
        let mut list: Chunks<usize> = (0..1_000).collect();
        assert_eq!(list.len(), 1_000);
        assert!(list.iter().copied().eq(0..1_000));
        assert!(list.iter_from(700).copied().eq(700..1_000));
        assert_eq!(list.iter_from(5_000).count(), 0);
        assert_eq!((list.get(999), list.get(1_000)), (Some(&999), None));
        let copy = list.clone();
        *list.get_mut(300).expect("it is there") = 7;
        list.push(1_000);
        assert_eq!((list.get(300), list.len()), (Some(&7), 1_001));
        assert!(copy.iter().copied().eq(0..1_000));
        assert_eq!(Chunks::<u8>::default().len(), 0);
    }
}
