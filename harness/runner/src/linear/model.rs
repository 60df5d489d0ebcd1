//! One person by the documented rules, one operation at a time: what the mock's answers must look like in some order.

/// The two ways in which a session_key comes about that the model knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Every `wx.login` makes a key, in force at once; an exchange reveals the key of its code's login.
    KeyAtLogin,
    /// Every exchange makes a key and reveals it; a login makes one only where none is alive.
    KeyAtExchange,
}

/// Something a client does about one person. Codes are numbered by the operations that minted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// `wx.login`; the code it gave is known by this operation's own number.
    Mint,
    /// jscode2session with the code of that operation.
    Exchange(u8),
    /// The person's codes grow older than codes live.
    Age,
    /// The lever that makes a key.
    Rotate,
    /// The lever that ends every key.
    Expire,
    /// `wx.checkSession`.
    Check,
}

/// What came back. Keys are numbered from 1 in the order they were issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing to tell.
    Done,
    /// A key: the one a code is bound to, an exchange revealed, or a lever made or ended.
    Key(u16),
    /// 40163.
    Used,
    /// 40029.
    Invalid,
    /// A lever found no live key to pull at.
    NoKey,
    /// Whether a login is alive.
    Alive(bool),
}

/// A person, before or after some of the operations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Person {
    /// By the operation that minted it.
    codes: Vec<Code>,
    n_keys: u16,
    /// The key in force; 0 if none is.
    current: u16,
    /// The key of the last login, or of the last exchange that made one.
    last_login: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Code {
    minted_by: u8,
    key: u16,
    state: CodeState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum CodeState {
    Fresh,
    Used,
    Expired,
}

impl Person {
    /// Does what operation `no` does; the only answer it may have.
    pub(super) fn step(&mut self, rules: Rules, no: u8, act: Act) -> Answer {
        match act {
            Act::Mint => {
                if rules == Rules::KeyAtLogin || self.current == 0 {
                    self.issue();
                }
                self.last_login = self.current;
                self.codes.push(Code {
                    minted_by: no,
                    key: self.current,
                    state: CodeState::Fresh,
                });
                Answer::Key(self.current)
            }
            Act::Exchange(minted_by) => self.exchange(rules, minted_by),
            Act::Age => {
                for code in &mut self.codes {
                    if code.state == CodeState::Fresh {
                        code.state = CodeState::Expired;
                    }
                }
                Answer::Done
            }
            Act::Rotate | Act::Expire if self.current == 0 => Answer::NoKey,
            Act::Rotate => Answer::Key(self.issue()),
            Act::Expire => Answer::Key(std::mem::take(&mut self.current)),
            Act::Check => Answer::Alive(self.current != 0 && self.last_login == self.current),
        }
    }

    fn exchange(&mut self, rules: Rules, minted_by: u8) -> Answer {
        let code = self
            .codes
            .iter_mut()
            .find(|code| code.minted_by == minted_by);
        // A code that nobody has minted yet is garbage like any other.
        let Some(code) = code else {
            return Answer::Invalid;
        };
        match code.state {
            CodeState::Used => return Answer::Used,
            CodeState::Expired => return Answer::Invalid,
            CodeState::Fresh => code.state = CodeState::Used,
        }
        match rules {
            Rules::KeyAtLogin => Answer::Key(code.key),
            Rules::KeyAtExchange => {
                self.last_login = self.issue();
                Answer::Key(self.last_login)
            }
        }
    }

    fn issue(&mut self) -> u16 {
        self.n_keys += 1;
        self.current = self.n_keys;
        self.current
    }
}
