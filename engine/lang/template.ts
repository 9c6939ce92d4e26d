/**
 * Template variables, `^NAME`: what a chassis has in Chassis_Template_Var stands
 * for them, ovn-sb(5), before a match or an action is parsed.
 */
import { formatConstant, numberAt } from './constants.ts';
import { Lexer } from './lexer.ts';
import { quote } from './quoting.ts';

/**
 * `text` with each variable replaced; one that is not known becomes its bare name,
 * as in ovn-trace, and a complaint about that follows.  Strings are left alone.
 * Like OVN we print the tokens, in their canonical form, with nothing between them.
 */
export function expandTemplates(text: string, variables: ReadonlyMap<string, string>): string {
  if (!text.includes('^')) {
    return text;
  }
  let expanded = '';
  for (const lexer = new Lexer(text); lexer.type !== 'end'; lexer.advance()) {
    switch (lexer.type) {
      case 'template':
        expanded += variables.get(lexer.text) ?? lexer.text;
        break;
      case 'error':
        expanded += `error(${quote(lexer.text)})`;
        break;
      case 'string':
        expanded += quote(lexer.text);
        break;
      case 'integer':
      case 'masked':
        expanded += formatConstant(numberAt(lexer));
        break;
      default:
        expanded += lexer.tokenSource();
    }
  }
  return expanded;
}

/** No variables. */
const NONE: ReadonlyMap<string, string> = new Map();

/** Variables, and the release that says what happens without any. */
interface Templates {
  readonly templates?: ReadonlyMap<string, string>;
  readonly release?: string;
}

/** The tokens of `text`, expanded unless OVN's parser alone is asked (26.03, no variables). */
export function templateLexer(text: string, { templates, release }: Templates): Lexer {
  const expands = templates !== undefined || release !== '26.03';
  return new Lexer(expands ? expandTemplates(text, templates ?? NONE) : text);
}
