/** Text made safe to stand in XML and HTML, between tags and in attributes. */

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** The text with all characters that mean something in markup replaced. */
export const escaped = (text: string | number): string =>
  String(text).replace(/[&<>"']/g, (char) => entities[char] ?? '');

/** ` name="value"` for each attribute that has a value. */
export function attributes(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values)
    .map(([name, value]) => (value === undefined ? '' : ` ${name}="${escaped(value)}"`))
    .join('');
}
