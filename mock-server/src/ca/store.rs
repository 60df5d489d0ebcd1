//! The authority on disk: made once, readable by its owner only, never half written, and looked at before it is used.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CidrSubnet, KeyPair, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use wxmock_world::UnixMs;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::authority::{self, DNS_SUBTREES, IP_SUBTREES, Made, Parts, ROOT_NAME};
use super::{Ca, CaError};

impl Ca {
    /// The file with the root that clients are told to trust. Public.
    pub const ROOT_FILE: &str = "root.pem";

    /// The file with the signing key and both certificates. Its owner's only.
    pub const KEY_FILE: &str = "authority.pem";

    /// Where the authority is kept unless somebody says otherwise: `wxmock/ca` in the user's data folder, which is
    /// `$XDG_DATA_HOME`, `~/.local/share`, or `~/Library/Application Support` on macOS. `None` when nobody is at home.
    pub fn default_folder() -> Option<PathBuf> {
        let data = data_folder(std::env::consts::OS, |name| std::env::var_os(name))?;
        Some(data.join("wxmock").join("ca"))
    }

    /// The authority kept in a folder; made there if the folder has none. Two processes that come first get the same one.
    ///
    /// # Errors
    /// A [`CaError`] of its own for each of: a folder or file that cannot be read or written, a key file others can use,
    /// a damaged file, an authority whose time is over, an authority we did not make.
    pub fn load_or_create(folder: &Path) -> Result<Self, CaError> {
        let key_file = folder.join(Self::KEY_FILE);
        if !exists(&key_file)? {
            create(
                folder,
                &key_file,
                &authority::make(SystemTime::now(), authority::LIFE)?,
            )?;
        }
        check_mode(folder, 0o700)?;
        check_mode(&key_file, 0o600)?;
        let text = fs::read_to_string(&key_file).map_err(failed("read", &key_file))?;
        let parts = parse(&key_file, &text)?;
        check_time(&key_file, &parts, SystemTime::now())?;
        keep_root(folder, &parts.root_pem)?;
        Self::from_parts(parts, Some(folder))
    }
}

impl Ca {
    /// Whether [`Ca::load_or_create`] would succeed, without making an authority.
    ///
    /// # Errors
    /// The same as there.
    pub fn check_folder(folder: &Path) -> Result<(), CaError> {
        let key_file = folder.join(Self::KEY_FILE);
        if exists(&key_file)? {
            return Self::load_or_create(folder).map(drop);
        }
        create_folder(folder).map_err(failed("create", folder))?;
        let draft = draft(&key_file);
        let written = write_new(&draft, "", 0o600);
        let _ = fs::remove_file(&draft);
        written.map_err(failed("create", &key_file))
    }
}

fn data_folder(os: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    match os {
        "windows" => folder("LOCALAPPDATA"),
        "macos" => Some(folder("HOME")?.join("Library").join("Application Support")),
        // A relative XDG path must be ignored, its specification says.
        _ => folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local").join("share"))),
    }
}

fn failed(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CaError {
    let path = path.to_path_buf();
    move |source| CaError::Io { act, path, source }
}

fn exists(path: &Path) -> Result<bool, CaError> {
    path.try_exists().map_err(failed("read", path))
}

/// Write a new authority beside its place, then link it there, which fails if somebody else was first: theirs is used.
fn create(folder: &Path, key_file: &Path, made: &Made) -> Result<(), CaError> {
    create_folder(folder).map_err(failed("create", folder))?;
    let draft = draft(key_file);
    let text = format!(
        "wxmock's own certificate authority. Whoever has this key can pose as WeChat's API to those who trust {}: keep it.\n{}{}{}",
        Ca::ROOT_FILE,
        made.parts.key.serialize_pem().replace("\r\n", "\n"),
        made.intermediate_pem,
        made.parts.root_pem,
    );
    let linked = write_new(&draft, &text, 0o600).and_then(|()| fs::hard_link(&draft, key_file));
    // Whatever happened, the draft is of no use any more; an error about it would hide the one that matters.
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result.map_err(failed("create", key_file)),
    }
}

#[cfg(unix)]
fn create_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file: File = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A name beside `path` that no other process and no other thread of this one uses.
fn draft(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(
        ".{}-{}.part",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    ));
    name.into()
}

/// The public root beside the key, so that people have a file to trust. Put right if it is missing or another.
fn keep_root(folder: &Path, root_pem: &str) -> Result<(), CaError> {
    let path = folder.join(Ca::ROOT_FILE);
    if fs::read_to_string(&path).is_ok_and(|text| text == root_pem) {
        return Ok(());
    }
    let draft = draft(&path);
    let written = write_new(&draft, root_pem, 0o644).and_then(|()| fs::rename(&draft, &path));
    written.map_err(|error| {
        let _ = fs::remove_file(&draft);
        failed("create", &path)(error)
    })
}

#[cfg(unix)]
fn check_mode(path: &Path, wanted: u32) -> Result<(), CaError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)
        .map_err(failed("read", path))?
        .permissions()
        .mode()
        & 0o777;
    if mode & !wanted == 0 {
        return Ok(());
    }
    Err(CaError::Permissions {
        path: path.to_path_buf(),
        mode,
        wanted,
    })
}

/// Elsewhere a file in the user's own folder is the user's own.
#[cfg(not(unix))]
fn check_mode(_: &Path, _: u32) -> Result<(), CaError> {
    Ok(())
}

fn parse(path: &Path, text: &str) -> Result<Parts, CaError> {
    let damaged = |reason: &str| CaError::Unreadable {
        path: path.to_path_buf(),
        reason: reason.to_owned(),
    };
    let key = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| damaged("it has no private key"))?;
    let key = KeyPair::try_from(&key).map_err(|_| damaged("its private key cannot be read"))?;
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| damaged("a certificate cannot be read"))?;
    let [intermediate, root]: [CertificateDer<'static>; 2] = certificates
        .try_into()
        .map_err(|_| damaged("it should have two certificates"))?;
    let (not_before, not_after) = {
        let read = |der| x509_parser::parse_x509_certificate(der);
        let ((_, signer), (_, anchor)) = read(&intermediate)
            .and_then(|signer| Ok((signer, read(&root)?)))
            .map_err(|_| damaged("a certificate cannot be read"))?;
        let foreign = |reason| CaError::Foreign {
            path: path.to_path_buf(),
            reason,
        };
        check_ours(&signer, &anchor).map_err(foreign)?;
        if signer.public_key().raw != key.subject_public_key_info() {
            return Err(damaged("its key belongs to another certificate"));
        }
        let moment = |seconds: i64| UnixMs(seconds.saturating_mul(1_000));
        let validity = anchor.validity();
        (
            moment(validity.not_before.timestamp()),
            moment(validity.not_after.timestamp()),
        )
    };
    Ok(Parts {
        root_pem: root_text(text).ok_or_else(|| damaged("it should end with the root"))?,
        root,
        intermediate,
        key,
        not_before,
        not_after,
    })
}

/// The last certificate of the file, as it stands there.
fn root_text(text: &str) -> Option<String> {
    let start = text.rfind("-----BEGIN CERTIFICATE-----")?;
    Some(text[start..].trim_end().to_owned() + "\n")
}

/// An authority we made is one that can do no harm; any other is not used.
fn check_ours(signer: &X509Certificate<'_>, anchor: &X509Certificate<'_>) -> Result<(), String> {
    let names = |certificate: &X509Certificate<'_>| certificate.subject().to_string();
    if !names(anchor).contains(ROOT_NAME) {
        return Err(format!("its root is named \"{}\"", names(anchor)));
    }
    for certificate in [signer, anchor] {
        if !is_constrained(certificate) {
            return Err(format!(
                "\"{}\" is not limited to WeChat's hosts and loopback",
                names(certificate)
            ));
        }
    }
    if signer.issuer() != anchor.subject() {
        return Err("its two certificates do not belong together".to_owned());
    }
    Ok(())
}

fn is_constrained(certificate: &X509Certificate<'_>) -> bool {
    let Ok(Some(constraints)) = certificate.name_constraints() else {
        return false;
    };
    let permitted = constraints
        .value
        .permitted_subtrees
        .as_deref()
        .unwrap_or_default();
    let names = permitted
        .iter()
        .filter(|subtree| matches!(subtree.base, GeneralName::DNSName(_)));
    let addresses = permitted
        .iter()
        .filter(|subtree| matches!(subtree.base, GeneralName::IPAddress(_)));
    // A kind of name that is not listed at all is not limited.
    constraints.critical
        && names.count() > 0
        && addresses.count() > 0
        && permitted.iter().all(|subtree| match &subtree.base {
            GeneralName::DNSName(name) => DNS_SUBTREES.contains(name),
            GeneralName::IPAddress(bytes) => IP_SUBTREES.iter().any(|subnet| match subnet {
                CidrSubnet::V4(address, mask) => [*address, *mask].concat() == *bytes,
                CidrSubnet::V6(address, mask) => [*address, *mask].concat() == *bytes,
            }),
            _ => false,
        })
}

fn check_time(path: &Path, parts: &Parts, now: SystemTime) -> Result<(), CaError> {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    if (parts.not_before.0..=parts.not_after.0).contains(&now) {
        return Ok(());
    }
    Err(CaError::Expired {
        path: path.to_path_buf(),
        not_before: parts.not_before,
        not_after: parts.not_after,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("share").join("ca");
        (scratch, folder)
    }

    /// The refusal of an authority whose file was changed in some way.
    fn refused(change: impl FnOnce(String) -> String) -> CaError {
        let (_scratch, folder) = folder();
        Ca::load_or_create(&folder).unwrap();
        let path = folder.join(Ca::KEY_FILE);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, change(text)).unwrap();
        Ca::load_or_create(&folder).unwrap_err()
    }

    #[test]
    fn it_is_made_once_and_read_after_that() {
        let (_scratch, folder) = folder();
        let first = Ca::load_or_create(&folder).unwrap();
        let second = Ca::load_or_create(&folder).unwrap();
        assert_eq!(first.root_pem(), second.root_pem());
        assert_eq!(first.not_after(), second.not_after());
        assert_eq!(second.folder(), Some(&*folder));
        let root = folder.join(Ca::ROOT_FILE);
        assert_eq!(fs::read_to_string(&root).unwrap(), first.root_pem());
        fs::remove_file(&root).unwrap();
        Ca::load_or_create(&folder).unwrap();
        assert_eq!(fs::read_to_string(&root).unwrap(), first.root_pem());
        let left: BTreeSet<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(
            left,
            BTreeSet::from([Ca::KEY_FILE.to_owned(), Ca::ROOT_FILE.to_owned()])
        );
    }

    #[test]
    fn those_who_come_first_together_get_one() {
        let (_scratch, folder) = folder();
        let roots: BTreeSet<String> = std::thread::scope(|scope| {
            let make = || Ca::load_or_create(&folder).unwrap().root_pem().to_owned();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(roots.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_their_owners_only() {
        use std::os::unix::fs::PermissionsExt;
        let (_scratch, folder) = folder();
        Ca::load_or_create(&folder).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let key_file = folder.join(Ca::KEY_FILE);
        assert_eq!((mode(&folder), mode(&key_file)), (0o700, 0o600));
        for (path, bad, good) in [(&key_file, 0o640, 0o600), (&folder, 0o755, 0o700)] {
            fs::set_permissions(path, fs::Permissions::from_mode(bad)).unwrap();
            let error = Ca::load_or_create(&folder).unwrap_err();
            assert!(matches!(error, CaError::Permissions { .. }), "{error}");
            assert!(
                error.help().contains(&format!("chmod {good:o}")),
                "{}",
                error.help()
            );
            fs::set_permissions(path, fs::Permissions::from_mode(good)).unwrap();
        }
        Ca::load_or_create(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_one_is_named() {
        let (scratch, _) = folder();
        let file = scratch.path().join("file");
        fs::write(&file, "").unwrap();
        for folder in [&file, &file.join("below")] {
            let error = Ca::load_or_create(folder).unwrap_err();
            assert!(matches!(error, CaError::Io { .. }), "{error}");
            assert!(
                error.to_string().contains(&file.display().to_string()),
                "{error}"
            );
        }
    }

    #[test]
    fn one_whose_time_is_over_is_refused_with_its_dates() {
        let (_scratch, folder) = folder();
        let past = SystemTime::now() - 40 * DAY;
        let made = authority::make(past, 30 * DAY).unwrap();
        create(&folder, &folder.join(Ca::KEY_FILE), &made).unwrap();
        let error = Ca::load_or_create(&folder).unwrap_err();
        assert!(matches!(error, CaError::Expired { .. }), "{error}");
        assert!(error.help().contains("delete"), "{}", error.help());
    }

    #[test]
    fn damaged_files_are_refused() {
        type Change = fn(String) -> String;
        let cases: [(Change, &str); 5] = [
            (|_| String::new(), "no private key"),
            (
                |text| text.replace("PRIVATE KEY", "LETTER"),
                "no private key",
            ),
            (
                |text| text[..text.rfind("-----BEGIN").unwrap()].to_owned(),
                "two certificates",
            ),
            (
                |text| {
                    let other = KeyPair::generate().unwrap().serialize_pem();
                    other + &text[text.find("-----BEGIN CERTIFICATE").unwrap()..]
                },
                "belongs to another",
            ),
            (
                |text| text.replacen("CERTIFICATE-----\nMI", "CERTIFICATE-----\nAA", 1),
                "cannot be read",
            ),
        ];
        for (change, reason) in cases {
            let error = refused(change);
            assert!(
                matches!(error, CaError::Unreadable { .. }),
                "{reason}: {error}"
            );
            assert!(error.to_string().contains(reason), "{reason}: {error}");
        }
    }

    #[test]
    fn an_authority_of_somebody_else_is_refused() {
        use rcgen::{CertificateParams, DnType};
        let check = |name: &str, reason: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            let root = params.self_signed(&key).unwrap().pem();
            let error = refused(|_| key.serialize_pem() + &root + &root);
            assert!(matches!(error, CaError::Foreign { .. }), "{error}");
            assert!(error.to_string().contains(reason), "{error}");
        };
        check("Company Root", "its root is named \"CN=Company Root\"");
        check(ROOT_NAME, "is not limited to WeChat's hosts");
    }

    #[test]
    fn folders_follow_the_customs_of_the_system() {
        let check = |os: &str, variables: &[(&str, &str)], expected: Option<&str>| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(data_folder(os, variable), expected.map(PathBuf::from));
        };
        check("linux", &[("HOME", "/h")], Some("/h/.local/share"));
        check(
            "linux",
            &[("HOME", "/h"), ("XDG_DATA_HOME", "/x")],
            Some("/x"),
        );
        check(
            "linux",
            &[("HOME", "/h"), ("XDG_DATA_HOME", "x")],
            Some("/h/.local/share"),
        );
        check("linux", &[], None);
        check(
            "macos",
            &[("HOME", "/h")],
            Some("/h/Library/Application Support"),
        );
    }
}
