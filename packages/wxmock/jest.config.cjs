/** The setup file under Jest, in its two usual environments; the tests themselves are Vitest's. */
const project = (name) => ({
  displayName: name,
  testEnvironment: name,
  testMatch: ['<rootDir>/test/jest/*.test.cjs'],
  setupFiles: ['<rootDir>/dist/setup.cjs'],
  transform: {},
})

module.exports = async () => {
  await require('./test/app.cjs')()
  return { projects: [project('node'), project('jsdom')] }
}
