/** Names the mock's own app to the phone of the setup file, as `wxmock exec` does: other tests make more apps meanwhile. */
module.exports = async function nameTheApp() {
  const server = process.env.WXMOCK_SERVER ?? 'http://127.0.0.1:8910'
  const answer = await fetch(`${server}/_mock/v1/apps`).catch(() => {
    throw new Error(`no mock at ${server}: start one (wxmock serve), or say where it is (WXMOCK_SERVER)`)
  })
  const { apps } = await answer.json()
  process.env.WXMOCK_APPID ??= apps[0].appid
}
