import { defineConfig } from 'vitest/config'
import nameTheApp from './test/app.cjs'

await nameTheApp()

/** The same tests in each environment that people use, and those that need no environment. */
const everywhere = (environment: 'node' | 'jsdom' | 'happy-dom') => ({
  test: { name: environment, environment, include: ['test/*.test.ts'], setupFiles: ['./dist/setup.js'] },
})

export default defineConfig({
  test: {
    projects: [
      everywhere('node'),
      everywhere('jsdom'),
      everywhere('happy-dom'),
      { test: { name: 'server', include: ['test/server/*.test.ts'] } },
      { test: { name: 'chromium', include: ['test/browser/*.test.ts'], testTimeout: 60000 } },
    ],
  },
})
