use crate::Scenario;
use wxmock_model::history::Outcome;
use wxmock_model::program::Program;

const HEAD: &str = r#"
        id = "suite/example"
        alias = "EX-1"
        title = "An example"
        title_zh = "示例"
        level = "MUST"
        impact = "lock-out"
        why = "To test."
    "#;

fn programs(body: &str) -> Vec<(String, Program)> {
    programs_needing(r#""login", "userinfo""#, body)
}

fn programs_needing(needs: &str, body: &str) -> Vec<(String, Program)> {
    let scenario = Scenario::parse(
        "example.toml",
        &format!("{HEAD}\nneeds = [{needs}]\n{body}"),
    );
    let scenario = scenario.unwrap_or_else(|error| panic!("{}", error.render()));
    let path = |(point, program): (&super::Point, &Program)| {
        let segments: Vec<String> = point
            .iter()
            .map(|(axis, value)| format!("{axis}:{value}"))
            .collect();
        (segments.join("/"), program.clone())
    };
    scenario.programs().map(path).collect()
}

/// Who does what, in words.
fn story(program: &Program) -> Vec<String> {
    let words = |step: &wxmock_model::program::Step| match step.phone {
        Some(phone) => format!("{} {}", program.phones[phone].name, step.text),
        None => step.text.clone(),
    };
    program.steps().map(words).collect()
}

#[test]
fn repeated_phones_get_numbers_and_so_do_their_names() {
    let cases = programs(
        r#"
            before = ["Q login as t", "Q mint as c", "P* mint as d"]
            after = ["P* capture userinfo as p", "P2 send p2 using t", "Q send p1 using last"]
            [axes]
            n = [2]
            [[phone]]
            name = "P"
            user = "A"
            repeat = "n"
            do = ["submit d as s", "submit c"]
            [[phone]]
            name = "Q"
            user = "A"
            "#,
    );
    assert_eq!(
        story(&cases[0].1),
        [
            "Q login as t",
            "Q mint as c",
            "P1 mint as d1",
            "P2 mint as d2",
            "P1 submit d1 as s1",
            "P1 submit c",
            "P2 submit d2 as s2",
            "P2 submit c",
            "P1 capture userinfo as p1",
            "P2 capture userinfo as p2",
            "P2 send p2 using t",
            "Q send p1 using last",
        ]
    );
}

#[test]
fn returns_only_multiplies_keys_made_at_login() {
    let cases = programs(
        r#"
            before = ["P login", "P capture userinfo as p", "P send p"]
            [axes]
            n = [1, 2]
            returns = ["bound", "current"]
            rotation = ["exchange", "login"]
            [[phone]]
            name = "P"
            user = "A"
            "#,
    );
    let paths: Vec<&str> = cases.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "rotation:exchange/n:1",
            "rotation:exchange/n:2",
            "rotation:login/returns:bound/n:1",
            "rotation:login/returns:bound/n:2",
            "rotation:login/returns:current/n:1",
            "rotation:login/returns:current/n:2",
        ]
    );
}

#[test]
fn variants_fill_a_word_or_a_list_of_steps() {
    let cases = programs(
        r#"
            before = ["P login", "P capture userinfo as p {variant}", "P send p"]
            [axes]
            variant = ["plain", "bent"]
            [variant]
            plain = ""
            bent = "iv=bent"
            [[phone]]
            name = "P"
            user = "A"
            "#,
    );
    assert_eq!(story(&cases[0].1)[1], "P capture userinfo as p");
    assert_eq!(story(&cases[1].1)[1], "P capture userinfo as p iv=bent");
    let cases = programs(
        r#"
            before = ["P login", "P capture userinfo as p", "{variant}"]
            [axes]
            variant = ["once", "twice"]
            [variant]
            once = "P send p"
            twice = ["P send p", "P send p"]
            [[phone]]
            name = "P"
            user = "A"
            "#,
    );
    assert_eq!((story(&cases[0].1).len(), story(&cases[1].1).len()), (3, 4));
}

#[test]
fn the_most_exact_expectation_wins_and_when_goes_first() {
    let cases = programs(
        r#"
            before = ["P login as t1", "P capture userinfo as p", "P send p", "P send p using t1", "Q login", "Q send p"]
            [axes]
            rotation = ["login", "exchange"]
            [[phone]]
            name = "P"
            user = "A"
            [[phone]]
            name = "Q"
            user = "A"
            [expect]
            "send p" = { must = ["ok"], rule = "KEY-02" }
            "send p using t1" = { must = ["relogin"], rule = "KEY-03" }
            "Q send p" = { must = ["denied"], rule = "KEY-01" }
            [[when]]
            axes = { rotation = "exchange" }
            expect = { "send p" = { must = ["invalid"], rule = "KEY-04" } }
            "#,
    );
    let answers = |program: &Program| -> Vec<(String, Vec<Outcome>)> {
        let sends = program.steps().filter(|step| step.op == Some("userinfo"));
        sends
            .map(|step| (step.label.clone(), program.expect[&step.label].must.clone()))
            .collect()
    };
    let line = |label: &str, outcome| (label.to_owned(), vec![outcome]);
    let exact = [
        line("send p using t1", Outcome::Relogin),
        line("Q send p", Outcome::Denied),
    ];
    assert_eq!(
        answers(&cases[0].1),
        [[line("send p", Outcome::Ok)].as_slice(), &exact].concat()
    );
    assert_eq!(
        answers(&cases[1].1),
        [[line("send p", Outcome::Invalid)].as_slice(), &exact].concat()
    );
}

#[test]
fn one_expectation_serves_every_copy_of_a_phone() {
    let cases = programs(
        r#"
            before = ["P* mint as c"]
            after = ["P1 capture userinfo as p", "P1 send p"]
            [axes]
            n = [2]
            [[phone]]
            name = "P"
            user = "A"
            repeat = "n"
            do = ["submit c"]
            [expect]
            "submit c" = { must = ["ok"], rule = "KEY-03" }
            "P2 submit c2" = { must = ["relogin"], rule = "KEY-03" }
            "#,
    );
    let expect = &cases[0].1.expect;
    assert_eq!(expect["submit c1"].must, [Outcome::Ok]);
    assert_eq!(expect["P2 submit c2"].must, [Outcome::Relogin]);
}

#[test]
fn the_phone_button_s_payload_goes_to_its_own_operation() {
    let cases = programs_needing(
        r#""login", "userinfo", "phone_cipher""#,
        r#"
            before = ["P login", "P capture userinfo as p", "P send p", "P capture phone as q", "P send q"]
            [[phone]]
            name = "P"
            user = "A"
            "#,
    );
    let ops: Vec<_> = cases[0].1.steps().filter_map(|step| step.op).collect();
    assert_eq!(ops, ["login", "userinfo", "phone_cipher"]);
}
