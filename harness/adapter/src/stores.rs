//! Reads `[[store]]`. Knows nothing of what is said to a store.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use wxmock_store::{Protocol, StoreSpec};

use super::{
    adapter::BackendSpec,
    findings::Findings,
    names::{self, STORE},
    node::{Node, Value},
    problem::Problem,
};

/// The stores in file order.
pub(crate) fn read(root: &Node, findings: &mut Findings) -> Vec<StoreSpec> {
    let mut specs: Vec<StoreSpec> = Vec::new();
    for node in items(root) {
        let Some(spec) = read_store(node, findings) else {
            continue;
        };
        if specs.iter().any(|other| same(&other.name, &spec.name)) {
            let place = &node.get("name").unwrap_or(node).place;
            let message = format!("two stores are called `{}`", spec.name);
            let problem = place.error(message, "the second of this name");
            findings.error(problem.help("names are compared without regard to case, `-` and `_`"));
        }
        specs.push(spec);
    }
    specs
}

/// Warns of stores that a backend cannot know the proxy of.
pub(crate) fn warn_unused(
    root: &Node,
    specs: &[StoreSpec],
    backend: &BackendSpec,
    findings: &mut Findings,
) {
    let named = |spec: &StoreSpec| {
        let templates = backend.env.iter().map(|(_, template)| template);
        templates
            .chain(&backend.start)
            .any(|template| template.stores().any(|store| store == spec.name))
    };
    for (node, spec) in items(root).iter().zip(specs) {
        if spec.listen.is_none() && !named(spec) {
            let place = &node.get("name").unwrap_or(node).place;
            let message = format!("nothing in [backend] leads to the store `{}`", spec.name);
            let problem = place.error(message, "its statements would not be seen");
            findings.warn(problem.help(format!(
                "give the backend {{{{store.{0}.address}}}} (or host and port) in `env` or `start`; for a backend that is \
                 configured by hand, declare `listen = \"127.0.0.1:PORT\"`",
                spec.name
            )));
        }
    }
}

/// Two names that an environment variable cannot tell apart.
fn same(one: &str, other: &str) -> bool {
    super::node::fold(one) == super::node::fold(other)
}

/// The tables of `[[store]]`.
pub(crate) fn items(root: &Node) -> &[Node] {
    match root.get("store").map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The names of all stores, also of those with another mistake.
pub(crate) fn names_in(root: &Node) -> Vec<String> {
    let names = items(root).iter().filter_map(|item| item.get("name"));
    names
        .filter_map(|node| match &node.value {
            Value::Text(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}

fn read_store(node: &Node, findings: &mut Findings) -> Option<StoreSpec> {
    let mut wanted = |key: &str| {
        let found = node.get(key);
        if found.is_none() {
            let problem = node
                .place
                .error(format!("this store has no `{key}`"), "a key is missing");
            findings.error(problem.help(EXAMPLE));
        }
        found
    };
    let (name, protocol, address) = (wanted("name"), wanted("protocol"), wanted("address"));
    let name = name.and_then(|node| read_name(node, findings));
    let address = address.and_then(|node| read_address(node, findings));
    let listen = match node.get("listen") {
        Some(node) => Some(read_listen(node, address.as_deref(), findings)?),
        None => None,
    };
    let protocol = findings.text(protocol?)?.parse::<Protocol>();
    Some(StoreSpec {
        name: name?,
        protocol: protocol.ok()?,
        address: address?,
        listen,
    })
}

const EXAMPLE: &str =
    "[[store]]\nname = \"redis\"\nprotocol = \"redis\"\naddress = \"127.0.0.1:6379\"";

fn read_name(node: &Node, findings: &mut Findings) -> Option<String> {
    let text = findings.text(node)?;
    let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    if !text.is_empty() && text.chars().all(fits) {
        return Some(text.to_owned());
    }
    let problem = node.place.error(
        "this cannot be the name of a store",
        "letters, digits, `-` and `_` only",
    );
    findings.error(problem.help(format!(
        "templates name it, as in {{{{store.redis.address}}}}\n{EXAMPLE}"
    )));
    None
}

fn read_address(node: &Node, findings: &mut Findings) -> Option<String> {
    let text = findings.text(node)?;
    match check_address(node, text) {
        Ok(()) => Some(text.to_owned()),
        Err(problem) => {
            findings.error(problem);
            None
        }
    }
}

fn check_address(node: &Node, text: &str) -> Result<(), Problem> {
    let wrong = |label: &str, help: &str| {
        let problem = node.place.error("an address is HOST:PORT", label);
        Err(problem.help(help.to_owned()))
    };
    if text.contains("{{") {
        return wrong(
            "a template",
            "the store is there before the run; write its own address, such as \"127.0.0.1:6379\"",
        );
    }
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = host.split('/').next().unwrap_or(host);
        return wrong(
            "a URL",
            &format!(
                "write \"{host}\"; user, password and database stay in the backend's own setting"
            ),
        );
    }
    if text.starts_with('/') {
        return wrong(
            "a path",
            "the proxy reaches a store by a port; let it listen on 127.0.0.1 beside its socket file",
        );
    }
    let Some((host, port)) = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()) else {
        return wrong(
            "no port",
            &match text.parse::<u16>() {
                Ok(port) => format!("write HOST:PORT, such as \"127.0.0.1:{port}\""),
                Err(_) => format!("write HOST:PORT, such as \"{text}:6379\""),
            },
        );
    };
    if host.contains(':') && !host.starts_with('[') {
        return wrong("too many `:`", "write an IPv6 address as \"[::1]:6379\"");
    }
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(()),
        _ => wrong("the port is not 1 to 65535", "such as \"127.0.0.1:6379\""),
    }
}

fn read_listen(node: &Node, address: Option<&str>, findings: &mut Findings) -> Option<SocketAddr> {
    let text = findings.text(node)?;
    let plain = text.strip_prefix("localhost:").and_then(|port| {
        let port = port.parse().ok()?;
        Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    });
    let problem = match plain.or_else(|| text.parse().ok()) {
        Some(listen) if !listen.ip().is_loopback() => node
            .place
            .error(
                "only this machine may reach a store's proxy",
                "not a loopback address",
            )
            .help("write \"127.0.0.1:PORT\", or leave `listen` out for a free port"),
        Some(listen) if listen.port() == 0 => node
            .place
            .error("`listen` names no port", "0")
            .help("leave `listen` out for a free port"),
        Some(listen) if address == Some(text) || address == Some(listen.to_string().as_str()) => {
            node.place
                .error(
                    "the proxy cannot listen where the store does",
                    "the same as `address`",
                )
                .help("give it another port, or leave `listen` out for a free one")
        }
        Some(listen) => return Some(listen),
        None => node
            .place
            .error("this is not an address to listen at", "cannot be read")
            .help("write \"127.0.0.1:16379\", or leave `listen` out for a free port"),
    };
    findings.error(problem);
    None
}

/// The path in the tree of an override named `STORE_NAME_KEY`, upper case with `_`: the number of the store and its key.
/// `Err` gives the paths there are, in the same spelling.
pub(crate) fn resolve(root: &Node, path: &str) -> Result<(usize, &'static str), Vec<String>> {
    let mut accepted = Vec::new();
    for (number, item) in items(root).iter().enumerate() {
        let Some(Value::Text(name)) = item.get("name").map(|node| &node.value) else {
            continue;
        };
        for key in names::names(STORE) {
            let candidate = format!("STORE_{}_{}", super::node::fold(name), key.to_uppercase());
            if candidate == path {
                return Ok((number, key));
            }
            accepted.push(candidate);
        }
    }
    Err(accepted)
}
