/** The admin and phone APIs as openapi.json describes them, each to be tried with one click. */

import { useEffect, useMemo, useState } from 'preact/hooks'
import { curl, get, raw } from '../api'
import { described, t } from '../lang'
import { Bytes, Button, Copy, Empty, Input, Problem, Select, Tag } from '../ui'
import { useApp } from '../world'

interface Schema {
  $ref?: string
  type?: string | string[]
  description?: string
  enum?: unknown[]
  const?: unknown
  default?: unknown
  examples?: unknown[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  oneOf?: Schema[]
}

interface Parameter {
  $ref?: string
  name: string
  in: 'query' | 'path'
  description?: string
  required?: boolean
  schema?: Schema
}

interface Operation {
  tags?: string[]
  summary: string
  description?: string
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const
type Method = (typeof METHODS)[number]

interface Document {
  info: { version: string }
  paths: Record<string, { parameters?: Parameter[] } & Partial<Record<Method, Operation>>>
}

interface Entry {
  id: string
  method: string
  path: string
  group: string
  operation: Operation
  parameters: Parameter[]
}

/** The value a `#/components/…` reference points at. */
function resolve<T extends { $ref?: string }>(document: Document, value: T): T {
  let found: unknown = value
  for (let n = 0; n < 8; n++) {
    const reference = (found as { $ref?: string } | undefined)?.$ref
    if (!reference) break
    found = reference
      .replace(/^#\//, '')
      .split('/')
      .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document)
  }
  return (found ?? value) as T
}

const groupOf = (path: string): string => {
  if (path.startsWith('/_mock/wx/')) return t('Phone', '手机')
  if (path.startsWith('/_mock/phone')) return t('Phone of a page', '页面的手机')
  const segment = path.replace(/^\/_mock\/(v1\/?)?/, '').split('/')
  if (segment[0] === 'apps') return segment[2] && segment[2] !== '{user}' ? `apps / ${segment[2]}` : 'apps'
  return path.startsWith('/_mock/v1/') ? (segment[0] ?? '') : t('Mock', 'mock 自身')
}

function entriesOf(document: Document): Entry[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method]
      if (!operation) return []
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) => resolve(document, parameter))
      return [{ id: `${method} ${path}`, method: method.toUpperCase(), path, group: groupOf(path), operation, parameters }]
    }),
  )
}

/** Something of a schema's shape to begin with: what is required, and what has a default or an example. */
function sample(document: Document, given: Schema, depth = 0): unknown {
  const schema = resolve(document, given)
  if (schema.examples?.length) return schema.examples[0]
  if (schema.default !== undefined) return schema.default
  if (schema.const !== undefined) return schema.const
  if (schema.enum?.length) return schema.enum[0]
  if (schema.oneOf?.[0]) return sample(document, schema.oneOf[0], depth + 1)
  if (schema.properties && depth < 4) {
    const names = Object.keys(schema.properties).filter((name) => schema.required?.includes(name))
    return Object.fromEntries(names.map((name) => [name, sample(document, schema.properties?.[name] as Schema, depth + 1)]))
  }
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  return { array: [], object: {}, integer: 0, number: 0, boolean: false }[type ?? 'string'] ?? ''
}

export function Api({ part, go }: { part: string | null; go: (part: string) => void }) {
  const [document, set] = useState<Document | null>(null)
  const [error, fail] = useState<Error | null>(null)
  const [wanted, search] = useState('')
  useEffect(() => {
    get<Document>(described()).then(set, fail)
  }, [])
  const entries = useMemo(() => (document ? entriesOf(document) : []), [document])
  const matching = useMemo(() => {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean)
    return entries.filter((entry) => words.every((word) => `${entry.id} ${entry.operation.summary}`.toLowerCase().includes(word)))
  }, [entries, wanted])
  const groups = useMemo(() => {
    // What people come for stands first.
    const found = new Map<string, Entry[]>([[t('Phone', '手机'), []]])
    for (const entry of matching) found.set(entry.group, [...(found.get(entry.group) ?? []), entry])
    return [...found].filter(([, some]) => some.length > 0)
  }, [matching])
  const open = entries.find((entry) => entry.id === part) ?? entries.find((entry) => entry.id === 'get /_mock/wx/login')
  if (error) return <Problem error={error} />
  return (
    <div class="api">
      <section class="list" aria-label={t('Operations', '接口列表')}>
        <div class="bar">
          <Input id="search" type="search" label={t('Search', '搜索')} placeholder={t('search ( / )', '搜索 ( / )')} value={wanted} onInput={search} />
          <a href={described()}>openapi.json</a>
        </div>
        <ul class="operations" tabIndex={0} aria-label={t('Operations', '接口列表')}>
          {groups.map(([group, some]) => (
            <li key={group}>
              <div class="group">{group}</div>
              <ul class="operations-of">
                {some.map((entry) => (
                  <li key={entry.id}>
                    <a
                      href={`#api/${encodeURIComponent(entry.id)}`}
                      aria-current={entry === open ? 'true' : undefined}
                      title={entry.operation.summary}
                      onClick={(event) => {
                        event.preventDefault()
                        go(entry.id)
                      }}
                    >
                      <b class={`mono method ${entry.method.toLowerCase()}`}>{entry.method}</b>
                      <span class="mono path">{entry.path.replace(/^\/_mock/, '')}</span>
                    </a>
                  </li>
                ))}
              </ul>
            </li>
          ))}
        </ul>
        {document && matching.length === 0 && <p class="note">{t('Nothing matches.', '没有符合的接口。')}</p>}
      </section>
      {document && open && <One key={open.id} document={document} entry={open} />}
    </div>
  )
}

function One({ document, entry: { method, path, operation, parameters } }: { document: Document; entry: Entry }) {
  const app = useApp()
  const first = (parameter: Parameter): string => {
    if (parameter.in !== 'path') return ''
    if (parameter.name === 'app') return app?.appid ?? 'default'
    return parameter.name === 'user' ? 'alice' : '1'
  }
  const [values, set] = useState<Record<string, string>>(() => Object.fromEntries(parameters.map((parameter) => [parameter.name, first(parameter)])))
  const schema = operation.requestBody?.content['application/json']?.schema
  const [body, write] = useState(() => (schema ? JSON.stringify(sample(document, schema), null, 2) : ''))
  const [answer, show] = useState<{ status: number; type: string; text: string; ms: number } | null>(null)
  const [error, fail] = useState<Error | null>(null)
  const query = new URLSearchParams(parameters.filter((parameter) => parameter.in === 'query' && values[parameter.name]).map((parameter) => [parameter.name, values[parameter.name] ?? '']))
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
  const target = query.size > 0 ? `${filled}?${query}` : filled
  const isEndless = values['follow'] === 'true' || values['format'] === 'sse'
  const send = async () => {
    fail(null)
    try {
      show(await raw(method, target, schema ? body : undefined))
    } catch (problem) {
      fail(problem instanceof Error ? problem : new Error(String(problem)))
    }
  }
  const line = (): string => {
    try {
      return curl(method, target, schema ? (JSON.parse(body) as unknown) : undefined)
    } catch {
      return curl(method, target)
    }
  }
  return (
    <section class="operation" aria-label={`${method} ${path}`}>
      <h2>
        <span class="mono">
          {method} {path}
        </span>
      </h2>
      <p>{operation.summary}</p>
      {operation.description && <p class="lead">{operation.description}</p>}
      {parameters.length > 0 && (
        <div class="parameters">
          {parameters.map((parameter) => (
            <ParameterField key={parameter.name} document={document} parameter={parameter} value={values[parameter.name] ?? ''} set={(value) => set({ ...values, [parameter.name]: value })} />
          ))}
        </div>
      )}
      {schema && (
        <>
          <div class="field">
            <label for="request-body">{t('Body (JSON)', '请求体（JSON）')}</label>
            <textarea id="request-body" class="request-body" value={body} rows={Math.min(14, body.split('\n').length + 1)} spellcheck={false} onInput={(event) => write(event.currentTarget.value)} />
          </div>
          <Fields document={document} schema={schema} />
        </>
      )}
      <div class="buttons">
        <Button id="send" kind="main" run={send} disabled={isEndless} title={isEndless ? t('A stream goes on for ever; use curl', '流式接口不会结束，请用 curl') : ''}>
          {t('Send', '发送')}
        </Button>
        <Copy id="copy-request" text={line}>
          {t('Copy as curl', '复制为 curl')}
        </Copy>
      </div>
      <pre class="target mono">{target}</pre>
      {error && <Problem error={error} />}
      {answer ? (
        <>
          <h3>
            {t('Answer', '应答')} <Tag tone={answer.status < 400 ? 'good' : 'bad'}>{answer.status}</Tag>
            <small>
              {answer.type} · {answer.ms.toFixed(0)} ms · {answer.text.length.toLocaleString('en')} {t('characters', '字符')}
            </small>
          </h3>
          <Bytes id="answer-text" label={t('Answer', '应答')} text={answer.type.includes('json') && !answer.type.includes('ndjson') ? pretty(answer.text) : answer.text.slice(0, MOST_SHOWN)} />
        </>
      ) : (
        <Empty title={t('Not sent yet', '还没有发送')} line={line()} />
      )}
    </section>
  )
}

/** More would make the page slow to no use. */
const MOST_SHOWN = 200_000

const pretty = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2).slice(0, MOST_SHOWN)
  } catch {
    return text.slice(0, MOST_SHOWN)
  }
}

function ParameterField({ document, parameter, value, set }: { document: Document; parameter: Parameter; value: string; set: (value: string) => void }) {
  const schema = resolve(document, parameter.schema ?? {})
  const id = `parameter-${parameter.name}`
  const choices = schema.type === 'boolean' ? ['true', 'false'] : schema.enum?.map(String)
  return (
    <div class="field">
      <label for={id} class="mono">
        {parameter.name}
        {parameter.in === 'path' && ' *'}
      </label>
      {choices ? <Select id={id} value={value} options={[['', '—'], ...choices.map((one) => [one, one] as const)]} onChange={set} /> : <Input id={id} value={value} onInput={set} mono />}
      {(parameter.description ?? schema.description) && <small>{parameter.description ?? schema.description}</small>}
    </div>
  )
}

/** What a body may hold. */
function Fields({ document, schema }: { document: Document; schema: Schema }) {
  const { properties, required } = resolve(document, schema)
  if (!properties || Object.keys(properties).length === 0) return null
  return (
    <details>
      <summary>{t('Fields', '字段说明')}</summary>
      <div class="scroll">
        <table class="plain fields">
          <tbody>
            {Object.entries(properties).map(([name, given]) => {
              const field = resolve(document, given)
              const type = field.enum ? field.enum.map(String).join(' | ') : Array.isArray(field.type) ? field.type.join(' | ') : (field.type ?? '')
              return (
                <tr key={name}>
                  <td class="mono">
                    {name}
                    {required?.includes(name) && ' *'}
                  </td>
                  <td class="mono dim">{type}</td>
                  <td>{given.description ?? field.description ?? ''}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
    </details>
  )
}
