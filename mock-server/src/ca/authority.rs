//! The authority itself: a root to trust, an intermediate that signs, and leaves for the hosts the mock plays.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
    date_time_ymd,
};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use wxmock_world::UnixMs;

use super::CaError;
use crate::net::WECHAT_HOSTS;

/// A certificate authority that can vouch for the hosts the mock plays and for loopback, and for nothing else.
///
/// Three things make sure of that. The root carries critical name constraints and may sign for TLS servers only. It signs
/// one intermediate with the same constraints, and then the root's key is thrown away, so that clients which ignore the
/// constraints of a root they trust (the JVM does) meet them one step below. And an authority that somebody else made is
/// refused at loading.
pub struct Ca {
    root: CertificateDer<'static>,
    root_pem: String,
    intermediate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    not_before: UnixMs,
    not_after: UnixMs,
    folder: Option<PathBuf>,
    named: OnceLock<Arc<CertifiedKey>>,
    nameless: OnceLock<Arc<CertifiedKey>>,
}

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ca")
            .field("folder", &self.folder)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// What an authority is kept as.
pub(super) struct Parts {
    pub(super) root: CertificateDer<'static>,
    pub(super) root_pem: String,
    pub(super) intermediate: CertificateDer<'static>,
    pub(super) key: KeyPair,
    pub(super) not_before: UnixMs,
    pub(super) not_after: UnixMs,
}

/// A freshly made authority, with its texts.
pub(super) struct Made {
    pub(super) parts: Parts,
    pub(super) intermediate_pem: String,
}

/// The first days of a validity, so that a clock that is a little behind still finds it valid.
const BACKDATED: Duration = Duration::from_hours(48);
/// How long an authority lives. It can do no harm, and replacing it is work for people.
pub(super) const LIFE: Duration = Duration::from_hours(24 * 3_650);
/// How long a leaf lives; some clients refuse leaves of more than 398 days. A leaf is made anew by every process.
const LEAF_LIFE: Duration = Duration::from_hours(24 * 390);

/// What the subject of the root begins with.
pub(super) const ROOT_NAME: &str = "wxmock test root, made on this machine";
const INTERMEDIATE_NAME: &str = "wxmock test authority, WeChat hosts and loopback only";

/// The names an authority may vouch for, each with everything below it.
pub(super) const DNS_SUBTREES: [&str; 2] = ["weixin.qq.com", "localhost"];

/// The addresses it may vouch for, as a certificate writes them: address, then mask.
pub(super) const IP_SUBTREES: [CidrSubnet; 2] = [
    CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0]),
    CidrSubnet::V6(Ipv6Addr::LOCALHOST.octets(), [0xff; 16]),
];

impl Ca {
    /// An authority that lives as long as this value.
    ///
    /// # Errors
    /// [`CaError::Make`] when the system has no random numbers.
    pub fn ephemeral() -> Result<Self, CaError> {
        Self::from_parts(make(SystemTime::now(), LIFE)?.parts, None)
    }

    pub(super) fn from_parts(parts: Parts, folder: Option<&Path>) -> Result<Self, CaError> {
        Ok(Self {
            issuer: Issuer::from_ca_cert_der(&parts.intermediate, parts.key)?,
            root: parts.root,
            root_pem: parts.root_pem,
            intermediate: parts.intermediate,
            not_before: parts.not_before,
            not_after: parts.not_after,
            folder: folder.map(Path::to_path_buf),
            named: OnceLock::new(),
            nameless: OnceLock::new(),
        })
    }

    /// The root, as a client is told to trust it: one PEM certificate.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root in DER.
    pub fn root_der(&self) -> &[u8] {
        &self.root
    }

    /// First moment of its validity.
    pub fn not_before(&self) -> UnixMs {
        self.not_before
    }

    /// Last moment of its validity.
    pub fn not_after(&self) -> UnixMs {
        self.not_after
    }

    /// The folder it is kept in, where [`Ca::ROOT_FILE`] is the root; `None` for an ephemeral one.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The certificate for a client that named `sni`, with its key and chain.
    ///
    /// A name we play gets a leaf for all such names. Anything else, and a client that names nobody, gets a leaf that has
    /// loopback's addresses too: it may be what the client wants, and if not, the client says which name it misses.
    pub(crate) fn leaf(&self, sni: Option<&str>) -> Result<Arc<CertifiedKey>, CaError> {
        let is_named =
            sni.is_some_and(|name| leaf_names().any(|played| played.eq_ignore_ascii_case(name)));
        let slot = if is_named {
            &self.named
        } else {
            &self.nameless
        };
        if let Some(leaf) = slot.get() {
            return Ok(Arc::clone(leaf));
        }
        let leaf = Arc::new(self.sign(&leaf_sans(!is_named)?)?);
        // Two handshakes that come first make one each; the first one stored is shared from then on.
        Ok(Arc::clone(slot.get_or_init(|| leaf)))
    }

    fn sign(&self, sans: &[SanType]) -> Result<CertifiedKey, CaError> {
        let key = KeyPair::generate()?;
        let mut params = params(WECHAT_HOSTS[0], SystemTime::now(), LEAF_LIFE)?;
        params.subject_alt_names = sans.to_vec();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let chain = vec![certificate.der().clone(), self.intermediate.clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(CertifiedKey::new(chain, any_supported_type(&key)?))
    }
}

fn leaf_names() -> impl Iterator<Item = &'static str> {
    WECHAT_HOSTS.into_iter().chain(["localhost"])
}

fn leaf_sans(with_addresses: bool) -> Result<Vec<SanType>, CaError> {
    let mut sans = Vec::new();
    for name in leaf_names() {
        sans.push(SanType::DnsName(name.try_into()?));
    }
    if with_addresses {
        sans.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        sans.push(SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }
    Ok(sans)
}

/// Make an authority. The root's key does not outlive this function.
pub(super) fn make(now: SystemTime, life: Duration) -> Result<Made, CaError> {
    let root_key = KeyPair::generate()?;
    let root_params = authority_params(ROOT_NAME, now, life, 1)?;
    let root = root_params.self_signed(&root_key)?;
    let key = KeyPair::generate()?;
    let mut params = authority_params(INTERMEDIATE_NAME, now, life, 0)?;
    params.use_authority_key_identifier_extension = true;
    let intermediate = params.signed_by(&key, &Issuer::new(root_params, root_key))?;
    let (not_before, not_after) = validity(now, life);
    Ok(Made {
        intermediate_pem: pem(&intermediate),
        parts: Parts {
            root_pem: pem(&root),
            root: root.der().clone(),
            intermediate: intermediate.der().clone(),
            key,
            not_before,
            not_after,
        },
    })
}

fn pem(certificate: &Certificate) -> String {
    certificate.pem().replace("\r\n", "\n")
}

fn authority_params(
    name: &str,
    now: SystemTime,
    life: Duration,
    authorities_below: u8,
) -> Result<CertificateParams, CaError> {
    let mut params = params(name, now, life)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(authorities_below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let names = DNS_SUBTREES.map(|name| GeneralSubtree::DnsName(name.to_owned()));
    let addresses = IP_SUBTREES.map(GeneralSubtree::IpAddress);
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: names.into_iter().chain(addresses).collect(),
        excluded_subtrees: Vec::new(),
    });
    Ok(params)
}

fn params(name: &str, now: SystemTime, life: Duration) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let (not_before, not_after) = validity(now, life);
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_millis(not_before.0.unsigned_abs());
    params.not_after = epoch + Duration::from_millis(not_after.0.unsigned_abs());
    Ok(params)
}

/// From some days ago to `life` from now, in whole seconds as certificates write them; never before 1970.
fn validity(now: SystemTime, life: Duration) -> (UnixMs, UnixMs) {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let moment =
        |since: Duration| UnixMs(i64::try_from(since.as_secs() * 1_000).unwrap_or(i64::MAX));
    (moment(now.saturating_sub(BACKDATED)), moment(now + life))
}

#[cfg(test)]
mod tests {
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{CertificateError, Error, RootCertStore};

    use super::*;

    /// What a client that trusts the root says to a leaf for `san`, asked for by that name.
    fn verify(ca: &Ca, san: &str) -> Result<(), Error> {
        let sans = CertificateParams::new(vec![san.to_owned()]).unwrap();
        let leaf = ca.sign(&sans.subject_alt_names).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(ca.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let name = ServerName::try_from(san).unwrap();
        verifier
            .verify_server_cert(&leaf.cert[0], &leaf.cert[1..], &name, &[], UnixTime::now())
            .map(|_| ())
    }

    #[test]
    fn it_can_vouch_for_wechat_and_loopback_and_nobody_else() {
        let ca = Ca::ephemeral().unwrap();
        for name in leaf_names().chain(["mp.weixin.qq.com", "127.0.0.1", "127.255.0.9", "::1"]) {
            assert_eq!(verify(&ca, name), Ok(()), "{name}");
        }
        for name in [
            "example.com",
            "qq.com",
            "weixin.qq.com.example.com",
            "notweixin.qq.com",
            "8.8.8.8",
            "10.0.0.1",
            "::2",
        ] {
            let refusal = verify(&ca, name).unwrap_err();
            let violation = format!("{refusal:?}").contains("NameConstraintViolation");
            assert!(violation, "{name}: {refusal:?}");
        }
    }

    #[test]
    fn an_authority_below_it_is_not_believed() {
        let ca = Ca::ephemeral().unwrap();
        let key = KeyPair::generate().unwrap();
        let params = authority_params("below", SystemTime::now(), LIFE, 0).unwrap();
        let below = params.signed_by(&key, &ca.issuer).unwrap();
        let mut leaf = super::params(WECHAT_HOSTS[0], SystemTime::now(), LEAF_LIFE).unwrap();
        leaf.subject_alt_names = leaf_sans(false).unwrap();
        let leaf_key = KeyPair::generate().unwrap();
        let leaf = leaf
            .signed_by(&leaf_key, &Issuer::new(params, key))
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(ca.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let chain = [below.der().clone(), ca.intermediate.clone()];
        let name = ServerName::try_from(WECHAT_HOSTS[0]).unwrap();
        let refused = verifier.verify_server_cert(leaf.der(), &chain, &name, &[], UnixTime::now());
        assert!(matches!(
            refused,
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
        ));
    }

    #[test]
    fn leaves_are_made_once_and_chosen_by_name() {
        let ca = Ca::ephemeral().unwrap();
        let leaf = |sni| ca.leaf(sni).unwrap();
        let named = leaf(Some("api.weixin.qq.com"));
        assert!(Arc::ptr_eq(&named, &leaf(Some("QYAPI.Weixin.QQ.com"))));
        assert!(!Arc::ptr_eq(&named, &leaf(None)));
        assert!(Arc::ptr_eq(&leaf(None), &leaf(Some("example.com"))));
    }

    #[test]
    fn it_lives_ten_years_and_says_so() {
        let ca = Ca::ephemeral().unwrap();
        let days = (ca.not_after().0 - ca.not_before().0) / 86_400_000;
        assert_eq!(days, 3_652);
    }
}
