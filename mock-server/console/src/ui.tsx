/** Pieces that every view is made of. */

import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { curl, told } from './api'
import { t } from './lang'
import { useStore } from './store'

type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'info'

export function Tag({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`tag ${tone}`}>{children}</span>
}

/** A button of an action that takes a moment; not pressed twice. */
export function Button(props: {
  run: () => unknown
  children: ComponentChildren
  kind?: 'main' | 'danger' | 'plain' | 'small'
  id?: string
  title?: string
  disabled?: boolean
  pressed?: boolean
}) {
  const [isBusy, busy] = useState(false)
  const run = async () => {
    busy(true)
    try {
      await props.run()
    } catch {
      // What went wrong stands in the line at the bottom.
    } finally {
      busy(false)
    }
  }
  return (
    <button type="button" id={props.id} class={props.kind ?? 'plain'} title={props.title} disabled={props.disabled || isBusy} aria-pressed={props.pressed} onClick={run}>
      {props.children}
    </button>
  )
}

async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Over plain HTTP from another machine a page has no clipboard; the old way still works.
    const area = document.createElement('textarea')
    area.value = text
    document.body.append(area)
    area.select()
    const done = document.execCommand('copy')
    area.remove()
    return done
  }
}

export function Copy({ text, children, id }: { text: string | (() => string); children?: ComponentChildren; id?: string }) {
  const [state, set] = useState<'' | 'done' | 'failed'>('')
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const copy = async () => {
    const done = await toClipboard(typeof text === 'string' ? text : text())
    set(done ? 'done' : 'failed')
    clearTimeout(timer.current)
    timer.current = setTimeout(() => set(''), 1500)
  }
  const said = state === 'done' ? t('Copied', '已复制') : state === 'failed' ? t('Not copied', '复制失败') : (children ?? t('Copy', '复制'))
  return (
    <button type="button" class="small copy" id={id} onClick={copy}>
      <span aria-live="polite">{said}</span>
    </button>
  )
}

/** Text as it is on the wire, with a button that copies it. */
export function Bytes({ text, label, id }: { text: string; label: string; id?: string }) {
  return (
    <div class="bytes">
      <pre tabIndex={0} role="region" aria-label={label} id={id}>
        {text}
      </pre>
      <Copy text={text} />
    </div>
  )
}

/** Nothing is here, and what to do about it. */
export function Empty({ title, children, line }: { title: string; children?: ComponentChildren; line?: string }) {
  return (
    <div class="empty">
      <p class="title">{title}</p>
      {children && <div class="about">{children}</div>}
      {line && <Bytes text={line} label={t('Command', '命令')} />}
    </div>
  )
}

export function Field({ label, children, hint }: { label: string; children: (id: string) => ComponentChildren; hint?: string }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {hint && <small>{hint}</small>}
    </div>
  )
}

export function Select({ id, value, options, onChange, label }: { id?: string; value: string; options: readonly (readonly [string, string])[]; onChange: (value: string) => void; label?: string }) {
  return (
    <select id={id} value={value} aria-label={label} onChange={(event) => onChange(event.currentTarget.value)}>
      {options.map(([name, text]) => (
        <option value={name} key={name} selected={name === value}>
          {text}
        </option>
      ))}
    </select>
  )
}

export function Input({ id, value, onInput, label, placeholder, type, list, mono, onEnter }: { id?: string; value: string; onInput: (value: string) => void; label?: string; placeholder?: string; type?: 'text' | 'search' | 'number'; list?: string; mono?: boolean; onEnter?: () => void }) {
  return (
    <input
      id={id}
      type={type ?? 'text'}
      value={value}
      list={list}
      aria-label={label}
      placeholder={placeholder}
      class={mono ? 'mono' : undefined}
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => onInput(event.currentTarget.value)}
      onKeyDown={(event) => event.key === 'Enter' && onEnter?.()}
    />
  )
}

export function Problem({ error }: { error: Error & { hint?: string | undefined } }) {
  return (
    <div class="problem" role="alert">
      <b>{error.message}</b>
      {error.hint && <p>{error.hint}</p>}
    </div>
  )
}

/** The last change, as a script would make it. */
export function LastCall() {
  const line = useStore(told)
  const [closed, close] = useState(0)
  const isShown = line !== null && line.no !== closed
  return (
    <div class="last-call" role="status" aria-live="polite">
      {isShown && (
        <div class={line.error ? 'said failed' : 'said'}>
          <code>
            <b>{line.method}</b> {line.path}
            {line.body !== undefined && <span class="body"> {JSON.stringify(line.body)}</span>}
          </code>
          {line.error && (
            <p>
              {line.error}
              {line.hint && <> — {line.hint}</>}
            </p>
          )}
          <span class="buttons">
            <Copy text={() => curl(line.method, line.path, line.body)}>{t('Copy as curl', '复制为 curl')}</Copy>
            <button type="button" class="small" aria-label={t('Close', '关闭')} onClick={() => close(line.no)}>
              ✕
            </button>
          </span>
        </div>
      )}
    </div>
  )
}
