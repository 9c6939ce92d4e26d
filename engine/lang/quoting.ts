/** Strings in double quotes, escaped as in JSON (RFC 8259), with the messages of OVS's lib/json.c. */

const SIMPLE: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** What stands between the quotes, unescaped; or what is wrong with it. */
export function unquote(raw: string): { text: string } | { error: string } {
  if (!raw.includes('\\')) {
    return { text: raw };
  }
  if (raw.endsWith('\\')) {
    return { error: 'quoted string may not end with backslash' };
  }
  let text = '';
  for (let i = 0; i < raw.length; ) {
    const c = raw[i++] ?? '';
    if (c !== '\\') {
      text += c;
      continue;
    }
    const escaped = raw[i++] ?? '';
    if (escaped === 'u') {
      const unit = unicodeEscape(raw, i);
      if ('error' in unit) {
        return unit;
      }
      text += unit.text;
      i = unit.next;
    } else {
      const plain = SIMPLE[escaped];
      if (plain === undefined) {
        return { error: `bad escape \\${escaped}` };
      }
      text += plain;
    }
  }
  return { text };
}

function unicodeEscape(raw: string, at: number): { text: string; next: number } | { error: string } {
  const first = fourHexits(raw, at);
  if (typeof first === 'string') {
    return { error: first };
  }
  if (first < 0xd800 || first > 0xdbff) {
    return { text: String.fromCharCode(first), next: at + 4 };
  }
  if (raw[at + 4] !== '\\' || raw[at + 5] !== 'u') {
    return { error: 'malformed escaped surrogate pair' };
  }
  const second = fourHexits(raw, at + 6);
  if (typeof second === 'string') {
    return { error: second };
  }
  if (second < 0xdc00 || second > 0xdfff) {
    return { error: 'second half of escaped surrogate pair is not trailing surrogate' };
  }
  return { text: String.fromCharCode(first, second), next: at + 10 };
}

function fourHexits(raw: string, at: number): number | string {
  const hexits = raw.slice(at, at + 4);
  if (hexits.length < 4) {
    return 'quoted string ends within \\u escape';
  }
  if (!/^[0-9a-fA-F]{4}$/.test(hexits)) {
    return 'malformed \\u escape';
  }
  const value = Number.parseInt(hexits, 16);
  return value === 0 ? 'null bytes not supported in quoted strings' : value;
}

/** `text` in double quotes, as OVN prints port names. */
export function quote(text: string): string {
  let out = '"';
  for (const c of text) {
    const code = c.charCodeAt(0);
    if (c === '"' || c === '\\') {
      out += `\\${c}`;
    } else if (code >= 0x20) {
      out += c;
    } else {
      const short = { 8: '\\b', 9: '\\t', 10: '\\n', 12: '\\f', 13: '\\r' }[code];
      out += short ?? `\\u${code.toString(16).padStart(4, '0')}`;
    }
  }
  return `${out}"`;
}
