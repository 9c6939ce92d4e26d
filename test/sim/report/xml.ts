/** A small reader of XML that is stricter than it has to be: what it takes is well-formed. */

export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  /** All character data directly in it. */
  text: string;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

function unescaped(text: string): string {
  if (/[<]|\p{Cc}/u.test(text.replaceAll('\n', ''))) throw new Error(`not character data: ${text}`);
  return text.replace(/&([^;]*;?)/g, (_, name: string) => {
    const char = entities[name.slice(0, -1)];
    if (char === undefined || !name.endsWith(';')) throw new Error(`no entity: &${name}`);
    return char;
  });
}

/** The document's element.  Throws where the text is not XML. */
export function parseXml(text: string): XmlElement {
  const root: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const body = text.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
  if (body === text) throw new Error('there is no declaration');
  for (const [token, data] of body.matchAll(/<[^>]*>|([^<]+)/g)) {
    const top = open.at(-1) ?? root;
    const tag = /^<(\/?)([a-zA-Z][\w.-]*)((?: [a-zA-Z][\w-]*="[^"<]*")*)(\/?)>$/.exec(token);
    if (data !== undefined) top.text += unescaped(data);
    else if (!tag) throw new Error(`no tag: ${token}`);
    else if (tag[1]) {
      if (open.pop()?.name !== tag[2]) throw new Error(`${token} closes nothing`);
    } else {
      const pairs = [...(tag[3] ?? '').matchAll(/([a-zA-Z][\w-]*)="([^"]*)"/g)];
      const attributes = Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, unescaped(value)]));
      const element: XmlElement = { name: tag[2] ?? '', attributes, children: [], text: '' };
      top.children.push(element);
      if (!tag[4]) open.push(element);
    }
  }
  const [only] = root.children;
  if (open.length !== 1 || root.children.length !== 1 || !only || root.text.trim()) throw new Error('not one element');
  return only;
}
