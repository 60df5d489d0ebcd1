//! The console at `/_mock/`: what is served, the API only it uses, and each of its views by click in Chromium.
//!
//! Where Node or Chromium is missing the tests that need them say so and pass.

#[expect(dead_code, reason = "the tests of the report use the rest of it")]
#[path = "../support/browser.rs"]
mod browser;
#[path = "../support/npm.rs"]
mod npm;
mod served;
#[expect(dead_code, reason = "the tests of `serve` use the rest of it")]
#[path = "../support/mod.rs"]
mod support;
mod views;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use browser::Browser;
use hyper::Method;
use serde_json::{Value, json};
use support::Mock;

/// Ctrl and V together.
const PASTE: &str = "\u{e009}v";

/// The sources, built once for all tests here.
fn built() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("mock-server/console");
    BUILT
        .get_or_init(|| npm::built(&sources, "wxmock-console", &[]))
        .as_deref()
}

/// The console of a mock, in English, at a view.
fn open(mock: &Mock, view: &str) -> Option<Browser> {
    let browser = Browser::start(&["--lang=en-US"])?;
    browser.visit(&format!("{}/_mock/#{view}", mock.url()));
    browser.until("document.querySelector('.link.open')");
    Some(browser)
}

impl Browser {
    /// Waits until an element shows a text.
    fn shows(&self, css: &str, text: &str) {
        self.until(&format!(
            "document.querySelector({css:?})?.textContent.includes({text:?})"
        ));
    }

    fn text(&self, css: &str) -> String {
        let script = format!("return document.querySelector({css:?}).textContent");
        self.run(&script).as_str().expect("a text").to_owned()
    }

    /// Chooses an option of a select.
    fn choose(&self, css: &str, value: &str) {
        let script = format!(
            "return [...document.querySelector({css:?}).options].findIndex(option => option.value === {value:?})"
        );
        let index = self.run(&script).as_u64().expect("an option of this value");
        self.click(&format!("{css} option:nth-child({})", index + 1));
    }

    /// What a click on a copy button put into the clipboard.
    fn copied(&self, css: &str) -> String {
        self.click(css);
        self.shows(css, "Copied");
        self.run("document.body.append(Object.assign(document.createElement('textarea'), { id: 'pasted' }))");
        self.press("#pasted", PASTE);
        let text = self.run(
            "const area = document.getElementById('pasted'); area.remove(); return area.value",
        );
        text.as_str().expect("a text").to_owned()
    }

    /// Drags one element onto another with the mouse.
    fn drag(&self, from: &str, to: &str) {
        let over = |css: &str| json!({ "element-6066-11e4-a52e-4f735466cecf": self.element(css) });
        let motion = |css: &str, y: i32| json!({ "type": "pointerMove", "duration": 50, "origin": over(css), "x": 0, "y": y });
        let actions = [
            motion(from, 0),
            json!({ "type": "pointerDown", "button": 0 }),
            motion(from, -5),
            motion(to, 0),
            motion(to, -3),
            json!({ "type": "pointerUp", "button": 0 }),
        ];
        let mouse = json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": actions });
        self.ask("/actions", &json!({ "actions": [mouse] }));
    }

    /// The tab that is looked at.
    fn tab(&self) -> Value {
        let path = format!("/session/{}/window", self.session);
        self.send(Method::GET, &path, &Value::Null)
    }

    /// Nothing axe-core knows is wrong for people who hear the page or use no mouse. Without Node there is no axe-core.
    fn is_accessible(&self) {
        let Some(folder) = built() else { return };
        let axe = folder.join("node_modules/axe-core/axe.min.js");
        self.run(&std::fs::read_to_string(axe).expect("axe-core"));
        let script = "const done = arguments[0]; axe.run().then(found => done(found.violations.map(one => [one.id, ...one.nodes.map(node => node.html + ' ' + node.failureSummary)])))";
        let found = self.ask("/execute/async", &json!({ "script": script, "args": [] }));
        assert_eq!(found, json!([]));
    }

    /// Nothing is cut off at the side, at the widths people have.
    fn fits(&self) {
        for width in [360, 768, 1440, 1920] {
            self.width(width);
            self.until(&format!(
                "innerWidth === {width} && document.documentElement.scrollWidth <= {width}"
            ));
        }
    }
}
