//! `--lang`: the language of what people read. What machines read (JSON, JUnit, TAP, annotations) does not depend on it.

use std::ffi::OsString;

use wxmock_model::lang::Lang;

/// Which language to write in.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct LangArg {
    /// Language of what people read: en or zh [default: zh in a Chinese locale (LC_ALL, LC_MESSAGES, LANG), else en]
    #[arg(long, value_name = "LANG", env = "WXMOCK_LANG")]
    lang: Option<Lang>,
}

impl LangArg {
    /// The language asked for, else the one of the locale.
    pub(crate) fn get(self) -> Lang {
        self.lang
            .unwrap_or_else(|| of_locale(|name| std::env::var(name).ok()))
    }
}

/// The language of what is said about the arguments themselves, before they are understood: `--lang zh`, then as in [`LangArg::get`].
pub(super) fn of_line(args: &[OsString]) -> Lang {
    let texts = args.iter().map(|arg| arg.to_string_lossy());
    // What stands behind `--` is another program's.
    let texts: Vec<_> = texts.take_while(|arg| *arg != "--").collect();
    let asked = texts.iter().enumerate().find_map(|(index, arg)| {
        let value = arg.strip_prefix("--lang")?;
        match value.strip_prefix('=') {
            Some(value) => value.parse().ok(),
            None => texts.get(index + 1)?.parse().ok(),
        }
    });
    let variable = || std::env::var("WXMOCK_LANG").ok()?.parse().ok();
    LangArg {
        lang: asked.or_else(variable),
    }
    .get()
}

/// Chinese if the first of the locale's variables that is set names it, and no encoding other than UTF-8.
fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_lowercase();
    let (language, encoding) = locale.split_once('.').unwrap_or((&locale, "utf8"));
    if language.starts_with("zh") && encoding.replace('-', "").starts_with("utf8") {
        Lang::Zh
    } else {
        Lang::En
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: Lang) {
        let found = of_locale(|name| {
            let set = variables.iter().find(|(known, _)| *known == name);
            set.map(|(_, value)| (*value).to_owned())
        });
        assert_eq!(found, expected, "{variables:?}");
    }

    #[test]
    fn a_chinese_locale_means_chinese_if_it_can_show_it() {
        check(&[], Lang::En);
        check(&[("LANG", "C.UTF-8")], Lang::En);
        check(&[("LANG", "zh_CN.UTF-8")], Lang::Zh);
        check(&[("LANG", "zh_CN")], Lang::Zh);
        check(&[("LANG", "zh_CN.GB18030")], Lang::En);
        check(&[("LANG", "zh_TW.utf8@radical")], Lang::Zh);
    }

    #[test]
    fn the_variables_are_asked_in_the_order_of_the_c_library() {
        let chinese = ("LANG", "zh_CN.UTF-8");
        check(&[chinese, ("LC_MESSAGES", "en_US.UTF-8")], Lang::En);
        check(&[chinese, ("LC_ALL", "C")], Lang::En);
        check(&[chinese, ("LC_ALL", "")], Lang::Zh);
        check(
            &[("LC_MESSAGES", "zh_CN.UTF-8"), ("LANG", "en_US.UTF-8")],
            Lang::Zh,
        );
    }
}
