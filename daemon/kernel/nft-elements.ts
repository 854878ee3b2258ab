import type { SetName } from '../../src/nat/elements.js';
import { elementSets, tableName } from '../../src/nat/rules.js';
import type { NatFamily } from '../../src/nat/state.js';
import type { CountedElement } from '../../src/nat/traffic.js';
import { attributeEnd, attributeType, attributeWithin, nextAttribute, textOf } from './netlink-reader.js';
import { familyNumbers, NFT_GOTO, NFT_MSG_GET, NFTA_COUNTER, NFTA_DATA, NFTA_EXPR, NFTA_SET_ELEM, NFTA_SET_ELEM_LIST, NFTA_TABLE, NFTA_VERDICT } from './nf-tables.js';
import { dump } from './nft-dump.js';
import type { Dumped } from './nfnetlink-dump.js';
import { octetsIn, readWords, wordsOf, type AddressTexts, type Words } from './nft-words.js';

export interface ReadElements {
  readonly dumped: Dumped;
  readonly elements: readonly CountedElement[];
  /** There was an element that netctl never makes: with a comment or a time-out, a range, with another verdict. It is not among them. */
  readonly isStrange: boolean;
}

/**
 * Reads the elements of a set, which has the type that netctl gives to it.
 * @param socket for nothing else meanwhile.
 * @throws NetctlError `unavailable`
 */
export async function readElements(socket: number, family: NatFamily, set: SetName, texts: AddressTexts): Promise<ReadElements> {
  const decoder = new ElementDecoder(family, set, texts);
  const attributes = [[NFTA_TABLE, tableName], [NFTA_SET_ELEM_LIST.set, set]] as const;
  const dumped = await dump(socket, { kind: NFT_MSG_GET.element, family: familyNumbers[family], attributes }, (octets) => decoder.take(octets));
  const { elements, isStrange } = decoder;
  return { dumped: dumped === 'whole' && hasTwice(elements) ? 'changed' : dumped, elements, isStrange };
}

/**
 * After many changes the kernel arranges a set anew, by and by and without a new number of the rule set. For each part of a list it passes over as
 * many elements as it has sent: if their order is another one meanwhile, it sends some twice, and as many never.
 */
function hasTwice(elements: readonly CountedElement[]): boolean {
  return new Set(elements.map(({ key }) => key)).size !== elements.length;
}

/** `counter`, as the kernel sends it: two numbers. */
const counterName = [0x636f_756e, 0x7465_7200] as const;

/** Reads the elements of a set, which has the type that netctl gives to it, from the kernel's messages. */
export class ElementDecoder {
  readonly elements: CountedElement[] = [];
  isStrange = false;
  readonly #key: Words;
  readonly #data: Words | 'verdict' | undefined;

  constructor(
    family: NatFamily,
    private readonly set: SetName,
    private readonly texts: AddressTexts,
  ) {
    const [key = '', data] = elementSets(family).find(({ name }) => name === set)?.type.split(' : ') ?? [];
    this.#key = wordsOf(key);
    this.#data = data === undefined || data === 'verdict' ? data : wordsOf(data);
  }

  /** @param octets the attributes of one message. */
  take(octets: Buffer): void {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    for (let at = 0; at + 4 <= octets.length; at = nextAttribute(view, at)) {
      if (attributeType(view, at) === NFTA_SET_ELEM_LIST.elements) this.#takeList(view, at);
    }
  }

  #takeList(view: DataView, list: number): void {
    const end = attributeEnd(view, list);
    for (let at = list + 4; at + 4 <= end; at = nextAttribute(view, at)) {
      const element = this.#read(view, at);
      if (element) this.elements.push(element);
      else this.isStrange = true;
    }
  }

  #read(view: DataView, element: number): CountedElement | undefined {
    const end = attributeEnd(view, element);
    let [key, data, expression] = [-1, -1, -1];
    for (let at = element + 4; at + 4 <= end; at = nextAttribute(view, at)) {
      const type = attributeType(view, at);
      if (type === NFTA_SET_ELEM.key) key = at;
      else if (type === NFTA_SET_ELEM.data) data = at;
      else if (type === NFTA_SET_ELEM.expression) expression = at;
      else if (type !== NFTA_SET_ELEM.pad) return undefined;
    }
    const counter = expression < 0 ? -1 : counterIn(view, expression);
    const isCounted = counter >= 0;
    if (!isCounted && expression >= 0) return undefined;
    const packets = isCounted ? countIn(view, counter, NFTA_COUNTER.packets) : 0;
    const bytes = isCounted ? countIn(view, counter, NFTA_COUNTER.bytes) : 0;
    const keyText = this.#text(this.#key, view, key);
    if (this.#data === undefined) return keyText !== undefined && data < 0 ? { set: this.set, key: keyText, packets, bytes } : undefined;
    const dataText = this.#data === 'verdict' ? verdictIn(view, data) : this.#text(this.#data, view, data);
    return keyText !== undefined && dataText !== undefined ? { set: this.set, key: keyText, data: dataText, packets, bytes } : undefined;
  }

  /** Undefined if there is none, or it is not what it should be. */
  #text(words: Words, view: DataView, attribute: number): string | undefined {
    const value = attribute < 0 ? -1 : attributeWithin(view, attribute, NFTA_DATA.value);
    return value >= 0 && attributeEnd(view, value) - value - 4 === words.octets ? readWords(words, view, value + 4, this.texts) : undefined;
  }
}

function verdictIn(view: DataView, data: number): string | undefined {
  const verdict = data < 0 ? -1 : attributeWithin(view, data, NFTA_DATA.verdict);
  const [code, chain] = verdict < 0 ? [-1, -1] : [attributeWithin(view, verdict, NFTA_VERDICT.code), attributeWithin(view, verdict, NFTA_VERDICT.chain)];
  if (code < 0 || chain < 0 || view.getInt32(code + 4) !== NFT_GOTO) return undefined;
  return `goto ${textOf(octetsIn(view, chain + 4, attributeEnd(view, chain) - chain - 4))}`;
}

/** Where a counter's numbers are; -1 if it is another expression. */
function counterIn(view: DataView, expression: number): number {
  const name = attributeWithin(view, expression, NFTA_EXPR.name);
  const isCounter = name >= 0 && attributeEnd(view, name) - name === 12 && view.getUint32(name + 4) === counterName[0] && view.getUint32(name + 8) === counterName[1];
  return isCounter ? attributeWithin(view, expression, NFTA_EXPR.data) : -1;
}

/** Of 64 bits; a number holds 53 of them, a thousand times what a link carries in a year. */
function countIn(view: DataView, counter: number, type: number): number {
  const count = attributeWithin(view, counter, type);
  return count < 0 ? 0 : view.getUint32(count + 4) * 2 ** 32 + view.getUint32(count + 8);
}
