/** How ovn-trace shows names: without the tails of UUIDs, and a person's name for a port where there is one. */

const uuidAtEnd = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The name with a UUID at its end cut to its first six characters. */
export function shortName(name: string): string {
  return name.replace(uuidAtEnd, (uuid) => uuid.slice(0, 6));
}

const stringOrComment = /"(?:[^"\\]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;

/** A match or an action with the names of ports in quotes replaced by the names to show for them. */
export function friendlyText(text: string, friendlyName: (port: string) => string | undefined): string {
  return text.replace(stringOrComment, (token) => {
    if (!token.startsWith('"')) return token;
    const shown = friendlyName(unquote(token));
    return shown === undefined ? token : JSON.stringify(shown);
  });
}

function unquote(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    // Not a string of the language either: whoever parses it will say so.
    return token;
  }
}
