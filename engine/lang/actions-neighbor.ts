/** Learning and looking up neighbors (MAC_Binding, FDB), and the packets that ovn-controller answers. */
import { type ParseAction, parseSizedField } from './action-parser.ts';

function parseGetMac(type: 'get_arp' | 'get_nd'): ParseAction {
  return (p) => {
    p.lexer.expect('(');
    const port = parseSizedField(p, 0);
    p.lexer.expect(',');
    const ip = parseSizedField(p, type === 'get_arp' ? 32 : 128);
    p.lexer.expect(')');
    return { type, port, ip };
  };
}

function parsePutMac(type: 'put_arp' | 'put_nd'): ParseAction {
  return (p) => {
    p.lexer.expect('(');
    const port = parseSizedField(p, 0);
    p.lexer.expect(',');
    const ip = parseSizedField(p, type === 'put_arp' ? 32 : 128);
    p.lexer.expect(',');
    const mac = parseSizedField(p, 48);
    p.lexer.expect(')');
    return { type, port, ip, mac };
  };
}

const parsePutFdb: ParseAction = (p) => {
  p.lexer.expect('(');
  const port = parseSizedField(p, 0);
  p.lexer.expect(',');
  const mac = parseSizedField(p, 48);
  p.lexer.expect(')');
  return { type: 'put_fdb', port, mac };
};

const parseBindVport: ParseAction = (p) => {
  const { lexer } = p;
  lexer.expect('(');
  if (lexer.type !== 'string') {
    lexer.failSyntax('expecting port name string');
  }
  const vport = lexer.text;
  lexer.advance();
  lexer.expect(',');
  const parent = parseSizedField(p, 0);
  lexer.expect(')');
  return { type: 'bind_vport', vport, parent };
};

const parseSvcCheck: ParseAction = (p) => {
  p.lexer.expect('(');
  const port = parseSizedField(p, 0);
  p.lexer.expect(')');
  return { type: 'handle_svc_check', port };
};

const parseBfd: ParseAction = ({ lexer }) => {
  lexer.expect('(');
  lexer.expect(')');
  return { type: 'handle_bfd_msg' };
};

export const NEIGHBOR_ACTIONS: Readonly<Record<string, ParseAction>> = {
  get_arp: parseGetMac('get_arp'),
  get_nd: parseGetMac('get_nd'),
  put_arp: parsePutMac('put_arp'),
  put_nd: parsePutMac('put_nd'),
  put_fdb: parsePutFdb,
  bind_vport: parseBindVport,
  handle_svc_check: parseSvcCheck,
  handle_bfd_msg: parseBfd,
};
