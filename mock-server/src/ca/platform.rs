//! The certificate of the key WeChat signs answers with, as the console lets a developer download it.

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};
use wxmock_world::PlatformKey;

/// The platform certificate as PEM, signed by itself; `None` if the library refuses the key. The same key gives the same text.
pub(crate) fn platform_certificate(platform: &PlatformKey) -> Option<String> {
    let key = KeyPair::from_pkcs8_pem_and_sign_algo(&platform.private_key_pem(), &PKCS_RSA_SHA256);
    let key = key.ok()?;
    let mut params = CertificateParams::new(Vec::new()).ok()?;
    params
        .distinguished_name
        .push(DnType::CommonName, "wxmock platform");
    Some(params.self_signed(&key).ok()?.pem())
}

#[cfg(test)]
mod tests {
    use wxmock_world::Seed;

    use super::*;

    #[test]
    fn the_certificate_holds_the_platforms_key_and_is_the_same_every_time() {
        let platform = PlatformKey::of(Seed(1));
        let pem = platform_certificate(&platform).unwrap();
        assert_eq!(platform_certificate(&platform).as_ref(), Some(&pem));
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let (_, key) =
            x509_parser::pem::parse_x509_pem(platform.public_key_pem().as_bytes()).unwrap();
        assert_eq!(certificate.public_key().raw, key.contents);
    }
}
