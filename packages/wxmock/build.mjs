/**
 * Bundles the sources: into served/, which is committed, because the mock embeds it and builds without Node; and into dist/,
 * which is what the npm package holds. `node build.mjs --check` writes nothing and fails if served/ is not what src/ gives.
 */

import { existsSync } from 'node:fs'
import { readFile, readdir, writeFile, mkdir } from 'node:fs/promises'
import { build } from 'esbuild'

const BANNER = '// wxmock: a `wx` for browsers and test runners. Built from packages/wxmock/src by `npm run build`; do not edit.'

const bundle = (entry, file, more) => ({
  entryPoints: [`src/${entry}`],
  outfile: file,
  bundle: true,
  write: false,
  target: 'es2022',
  charset: 'utf8',
  banner: { js: BANNER },
  logLevel: 'warning',
  ...more,
})

const NODE = { platform: 'node', target: 'node20' }

const SERVED = [
  bundle('classic.ts', 'served/wx.js', { format: 'iife' }),
  bundle('module.ts', 'served/wx.mjs', { format: 'esm' }),
]
const PACKAGED = [
  bundle('npm.ts', 'dist/index.js', { format: 'esm' }),
  bundle('npm.ts', 'dist/index.cjs', { format: 'cjs' }),
  bundle('setup-vitest.ts', 'dist/setup.js', { format: 'esm' }),
  bundle('vite.ts', 'dist/vite.js', { format: 'esm' }),
  bundle('vite.ts', 'dist/vite.cjs', { format: 'cjs', footer: { js: 'module.exports = module.exports.default' } }),
  bundle('loader.ts', 'dist/loader.cjs', { format: 'cjs', footer: { js: 'module.exports = module.exports.default' } }),
  bundle('server.ts', 'dist/server.js', { ...NODE, format: 'esm', define: { FROM: 'import.meta.url' } }),
  bundle('server.ts', 'dist/server.cjs', { ...NODE, format: 'cjs', define: { FROM: '__filename' } }),
  bundle('bin.ts', 'dist/bin.cjs', { ...NODE, format: 'cjs', banner: { js: `#!/usr/bin/env node\n${BANNER}` } }),
  bundle('setup-jest.ts', 'dist/setup.cjs', { format: 'cjs', footer: { js: 'module.exports = module.exports.default' } }),
]

async function built(targets) {
  const texts = new Map()
  for (const target of targets) texts.set(target.outfile, (await build(target)).outputFiles[0].text)
  return texts
}

/** The types of the admin API, from its description: the mock's own, or a copy beside this file. */
async function apiTypes() {
  const { default: openapi, astToString } = await import('openapi-typescript')
  const description = existsSync('openapi.json') ? 'openapi.json' : '../../mock-server/openapi.json'
  const text = astToString(await openapi(JSON.parse(await readFile(description, 'utf8'))))
  return `// From mock-server/openapi.json by openapi-typescript; do not edit.\n${text}`
}

const types = await readFile('src/wx.d.ts', 'utf8')
const served = await built(SERVED)
served.set('served/wx.d.ts', types)

if (process.argv.includes('--check')) {
  const others = new Set((await readdir('served')).map((name) => `served/${name}`))
  const wrong = []
  for (const [file, text] of served) {
    const committed = others.delete(file) ? await readFile(file, 'utf8') : undefined
    if (committed !== text) wrong.push(file)
  }
  wrong.push(...others)
  if (wrong.length > 0) {
    console.error(`not what src/ gives: ${wrong.join(', ')}; run: npm run build`)
    process.exit(1)
  }
} else {
  const packaged = await built(PACKAGED)
  const declared = { wx: types, api: await apiTypes() }
  // The other declarations import these.
  await writeFile('src/types/api.d.ts', declared.api)
  for (const name of ['setup', 'vite', 'server']) declared[name] = await readFile(`src/types/${name}.d.ts`, 'utf8')
  for (const [name, text] of Object.entries(declared)) {
    packaged.set(`dist/${name}.d.ts`, text)
    packaged.set(`dist/${name}.d.cts`, text.replace("'./api.d.ts'", "'./api.d.cts'"))
  }
  for (const [file, text] of [...served, ...packaged]) {
    await mkdir(file.split('/')[0], { recursive: true })
    await writeFile(file, text)
  }
}
