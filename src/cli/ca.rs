//! `wxmock ca`: writes the certificates of the mock's own authority, and says where they are.

use std::path::PathBuf;

use wxmock_adapter::routes::{Files, TRUSTSTORE_PASSWORD};

use super::authority::{self, CaFolderArg};
use crate::exit::Failure;

/// Write the mock's root certificate, a bundle with the system's roots, and a trust store for the JVM
///
/// The authority is made once, on this machine, and can vouch for WeChat's API hosts and loopback only. Nothing is added to
/// the system's trust store or a browser's: a program trusts the mock because it is started with variables that say so.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock ca                       write the files beside the authority and print their paths
  wxmock ca --dir ./certs         write them where a container can mount them
  wxmock ca --ca-dir ./ci-ca      use an authority kept in ./ci-ca")]
pub(crate) struct Args {
    /// Write the files here [default: the folder of the authority]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    folder: CaFolderArg,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (ca, kept_in) = authority::open(&self.folder)?;
        let folder = self.dir.clone().unwrap_or_else(|| kept_in.clone());
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let files = Files::below(&folder);
        authority::write(&files, &ca, "")?;
        let until = jiff::Timestamp::from_millisecond(ca.not_after().0).map_or_else(
            |_| String::new(),
            |end| end.strftime("%Y-%m-%d").to_string(),
        );
        let bundle = ca.bundle_pem();
        let system = match &bundle.roots_from {
            Some(path) => format!("with {} roots of {}", bundle.n_system_roots, path.display()),
            None => "no file of system roots was found, so it has ours only".to_owned(),
        };
        super::print(&format!(
            "root        {root}   (valid until {until})\n\
             bundle      {bundle}   ({system})\n\
             truststore  {store}   (PKCS#12, password {TRUSTSTORE_PASSWORD})\n\
             key         {key}   (keep it; never copy it to another machine)\n\
             \n\
             It can vouch for WeChat's API hosts and loopback only. Nothing was added to a trust store of the system.\n\
             wxmock env prints the variables that point at these files. To undo: rm -r '{folder}'\n",
            root = files.root.display(),
            bundle = files.bundle.display(),
            store = files.truststore.display(),
            key = kept_in.join(wxmock_server::ca::Ca::KEY_FILE).display(),
            folder = folder.display(),
        ))
    }
}
