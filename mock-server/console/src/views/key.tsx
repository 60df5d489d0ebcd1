/** Which key opens a payload: what was pasted, the answer in words, and the keys of the person with the one that opens it. */

import { useState } from 'preact/hooks'
import { ask, curl, get, userPath } from '../api'
import { lang, t } from '../lang'
import { useStore } from '../store'
import { Timeline, type Mark } from '../timeline'
import { virtualNow } from '../time'
import type { App, Code, Finding, Opener, User } from '../types'
import { Bytes, Button, Copy, Empty, Field, Input, Problem, Tag } from '../ui'
import { readAt, useApp } from '../world'

interface Found {
  asked: Record<string, unknown>
  finding: Finding
  user?: User
  codes: Code[]
}

export function WhichKey() {
  const app = useApp()
  const language = useStore(lang)
  const [text, paste] = useState('')
  const [believed, believe] = useState('')
  const [found, set] = useState<Found | null>(null)
  const [error, fail] = useState<Error | null>(null)
  const find = async () => {
    fail(null)
    try {
      const asked: Record<string, unknown> = { text, lang: language }
      if (believed.trim()) asked['session_key'] = believed.trim()
      const finding = await ask<Finding>('/_mock/v1/which-key', asked)
      const opener = finding.opener
      if (opener?.key !== 'issued' || !opener.user || !opener.app) return set({ asked, finding, codes: [] })
      const path = userPath(opener.app, opener.user)
      const [user, { codes }] = await Promise.all([get<User>(path), get<{ codes: Code[] }>(`${path}/codes`)])
      set({ asked, finding, user, codes })
    } catch (problem) {
      set(null)
      fail(problem instanceof Error ? problem : new Error(String(problem)))
    }
  }
  return (
    <div class="page">
      <p class="lead">
        {t(
          'Paste what your backend could not decrypt: a phone’s answer, a request body, a curl line, a HAR entry or a line of a log. encryptedData, iv, rawData and signature are found in it.',
          '粘贴后端解不开的内容：手机端返回、请求体、curl 命令、HAR 条目或日志行均可，会自动识别其中的 encryptedData、iv、rawData 和 signature。',
        )}
      </p>
      <Field label={t('Payload or request', '加密数据或完整请求')}>
        {(id) => <textarea id={id} class="paste" rows={8} value={text} spellcheck={false} onInput={(event) => paste(event.currentTarget.value)} placeholder={'{"encryptedData":"…","iv":"…"}'} />}
      </Field>
      <div class="bar">
        <Field label={t('session_key your backend used (optional)', '后端使用的 session_key（选填）')}>{(id) => <Input id={id} value={believed} onInput={believe} mono placeholder="HyVFkGl5F5OQ…==" />}</Field>
        <Button id="find-key" kind="main" run={find} disabled={!text.trim()} title="POST /_mock/v1/which-key">
          {t('Which key?', '哪个 key？')}
        </Button>
      </div>
      {error && <Problem error={error} />}
      {found ? <Answer found={found} app={app} /> : !error && app && <Example app={app} paste={paste} />}
    </div>
  )
}

function Example({ app, paste }: { app: App; paste: (text: string) => void }) {
  const path = `/_mock/wx/getUserProfile?app=${app.appid}`
  const take = async () => paste(JSON.stringify(await get<unknown>(path)))
  return (
    <Empty title={t('Nothing to try?', '手头没有数据？')} line={curl('GET', path)}>
      <p>{t('A payload of the first user, as wx.getUserProfile hands it to a page:', '取第一个用户的一份数据，与 wx.getUserProfile 返回给页面的相同：')}</p>
      <Button id="example-payload" run={take}>
        {t('Take one', '取一份')}
      </Button>
    </Empty>
  )
}

const pretty = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

function Answer({ found: { asked, finding, user, codes }, app }: { found: Found; app: App | undefined }) {
  const read = useStore(readAt)
  const marks: Mark[] = []
  const isOf = (opener: Opener | null): opener is Opener & { no: number } => opener?.key === 'issued' && opener.user === user?.name && opener.no !== undefined
  if (isOf(finding.opener)) marks.push({ no: finding.opener.no, tone: 'good', words: t('✓ opens it', '✓ 能解开') })
  const believed = finding.believed && ['superseded', 'newer'].includes(finding.believed.is) ? finding.believed.no : undefined
  if (believed !== undefined && believed !== marks[0]?.no) marks.push({ no: believed, tone: 'bad', words: t('✗ what you used', '✗ 后端用的是它') })
  return (
    <section aria-label={t('Answer', '结果')} id="answer">
      <div class={finding.good ? 'verdict good' : 'verdict bad'} role="status">
        <b>{finding.good ? t('Whole and under a key in force', '数据完好，key 有效') : t('Something is wrong', '有问题')}</b>
        <p>{finding.explanation}</p>
      </div>
      <div class="buttons">
        <Copy text={() => curl('POST', '/_mock/v1/which-key', asked)}>{t('Copy as curl', '复制为 curl')}</Copy>
      </div>
      {user && app && (
        <>
          <h2>
            {t('Keys of', 'key 时间线：')} <a href={`#people/${encodeURIComponent(user.name)}`}>{user.name}</a> {finding.opener && !finding.opener.current && <Tag tone="warn">{t('opened by a key no longer in force', '能解开的 key 已失效')}</Tag>}
          </h2>
          <Timeline keys={user.keys} codes={codes} now={virtualNow(app.clock, read, Date.now())} marks={marks} />
        </>
      )}
      {finding.plaintext !== null && (
        <>
          <h2>{t('Plaintext', '明文')}</h2>
          <Bytes id="plaintext" label={t('Plaintext', '明文')} text={pretty(finding.plaintext)} />
        </>
      )}
    </section>
  )
}
