/**
 * Packs for npm: a package for a platform from a built binary, or the package `wxmock` that has those of all platforms as optional
 * dependencies, so that npm installs the one that fits.
 *
 *   node packages/npm-pack.mjs platform BINARY linux-x64 FOLDER
 *   node packages/npm-pack.mjs main PACKAGE FOLDER        PACKAGE: packages/wxmock after npm run build
 */

import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))
/** As in `process.platform` and `process.arch`. */
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64']
const main = JSON.parse(readFileSync(join(HERE, 'wxmock/package.json'), 'utf8'))
const { version, license } = main

function usage(what) {
  console.error(`npm-pack: ${what}`)
  console.error(`  node packages/npm-pack.mjs platform BINARY ${PLATFORMS.join('|')} FOLDER\n  node packages/npm-pack.mjs main PACKAGE FOLDER`)
  process.exit(64)
}

function pack(manifest, fill, out) {
  const stage = mkdtempSync(join(tmpdir(), 'wxmock-pack-'))
  try {
    fill(stage)
    writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    copyFileSync(join(HERE, '../LICENSE'), join(stage, 'LICENSE'))
    mkdirSync(out, { recursive: true })
    const options = ['pack', '--silent', '--ignore-scripts', '--pack-destination', resolve(out)]
    const name = execFileSync('npm', options, { cwd: stage, encoding: 'utf8', shell: process.platform === 'win32' }).trim()
    console.log(join(out, name))
  } finally {
    rmSync(stage, { recursive: true })
  }
}

function platform(binary, target, out) {
  if (!PLATFORMS.includes(target)) usage(`${target} is none of the platforms`)
  if (!existsSync(binary)) usage(`${binary} is not there; build it first`)
  const [os, cpu] = target.split('-')
  const file = os === 'win32' ? 'wxmock.exe' : 'wxmock'
  const description = `The wxmock binary for ${target}; install the package wxmock instead`
  const manifest = { name: `@wxmock/${target}`, version, description, license, os: [os], cpu: [cpu], files: [file], preferUnplugged: true }
  const fill = (stage) => {
    copyFileSync(binary, join(stage, file))
    chmodSync(join(stage, file), 0o755)
  }
  pack(manifest, fill, out)
}

function whole(folder, out) {
  if (!existsSync(join(folder, 'dist/bin.cjs'))) usage(`${folder}/dist is not there; in ${folder}: npm ci && npm run build`)
  const { devDependencies, scripts, private: _, ...published } = main
  const optionalDependencies = Object.fromEntries(PLATFORMS.map((target) => [`@wxmock/${target}`, version]))
  pack({ ...published, optionalDependencies }, (stage) => cpSync(join(folder, 'dist'), join(stage, 'dist'), { recursive: true }), out)
}

const [what, ...rest] = process.argv.slice(2)
if (what === 'platform' && rest.length === 3) platform(...rest)
else if (what === 'main' && rest.length === 2) whole(...rest)
else usage('what is to be packed?')
