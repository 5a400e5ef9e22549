//! Counting what a body lists: images made, searches made, tools called.
//!
//! Streams repeat their lists cumulatively (OpenAI's response object, Gemini's chunks), so the longest one counts; what
//! comes as an event of its own is added up.

use crate::body::fact::{Fact, Figure};

/// Lengths of the lists of one response. Memory: fixed.
#[derive(Debug, Default)]
pub(super) struct Lists {
    longest: [u64; Figure::COUNT],
    running: [u64; Figure::COUNT],
    events: [u64; Figure::COUNT],
    item: Option<Item>,
}

/// The present item of a response, as far as it was told.
#[derive(Clone, Copy, Debug)]
struct Item {
    /// It is the matter of an event and no element of a list.
    event: bool,
    figure: Option<Figure>,
    done: bool,
    counts: bool,
}

impl Lists {
    /// One more element of the present list.
    pub(super) fn one(&mut self, figure: Figure) {
        if let Some(count) = self.running.get_mut(figure as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// An event of its own.
    pub(super) fn event(&mut self, figure: Figure) {
        if let Some(count) = self.events.get_mut(figure as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// An item begins. In a list it is done unless its status says otherwise; events tell of an item twice, when it
    /// begins and when it is done.
    pub(super) fn begin_item(&mut self, event: bool) {
        self.end_item();
        self.item = Some(Item { event, figure: None, done: !event, counts: true });
    }

    /// The present item's result is there.
    pub(super) fn item_done(&mut self) {
        if let Some(item) = &mut self.item {
            item.done = true;
        }
    }

    /// What the present item says.
    pub(super) fn item_word(&mut self, fact: Fact, word: &str) {
        let Some(item) = &mut self.item else { return };
        match fact {
            Fact::ItemType => {
                item.figure = match word {
                    // The last two are Groq's (`executed_tools`).
                    "web_search_call" | "search" | "web_search" => Some(Figure::WebSearches),
                    "file_search_call" => Some(Figure::StorageSearches),
                    "image_generation_call" => Some(Figure::ImageCalls),
                    _ => None,
                }
            }
            Fact::ItemStatus => item.done = word == "completed",
            // Opening a page of a search's results is no search (OpenAI responses, web search actions).
            Fact::ItemAction => item.counts = word == "search",
            _ => {}
        }
    }

    fn end_item(&mut self) {
        let Some(Item { event, figure: Some(figure), done: true, counts: true }) = self.item.take() else { return };
        if event {
            self.event(figure);
        } else {
            self.one(figure);
        }
    }

    /// A document, or a part of one that repeats the lists of the part before, has ended.
    pub(super) fn end_part(&mut self) {
        self.end_item();
        for (longest, running) in self.longest.iter_mut().zip(&mut self.running) {
            *longest = (*longest).max(std::mem::take(running));
        }
    }

    /// The length of a list; `None` where nothing was listed.
    pub(super) fn len(&self, figure: Figure) -> Option<u64> {
        let of = |counts: &[u64; Figure::COUNT]| counts.get(figure as usize).copied().unwrap_or(0);
        Some(of(&self.longest).max(of(&self.running)).max(of(&self.events))).filter(|len| *len > 0)
    }
}
