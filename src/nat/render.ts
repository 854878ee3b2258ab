import type { FamilyChange, NatChange } from './diff.js';
import { diffNat } from './diff.js';
import type { NatElement } from './elements.js';
import { setNames } from './elements.js';
import { chainName } from './keys.js';
import { balanceRules, baseChains, elementSets, tableName, versionChain } from './rules.js';
import type { BaseChain, Rule } from './rules.js';
import { emptyNat, natFamilies } from './state.js';
import type { BalanceChain, NatFamily, NatState } from './state.js';

/** So many elements go into one command: lines that can be read, and no limit of any nft version is near. */
const elementsPerCommand = 500;

/** Makes the table, with the constant rules and without elements. It must not exist. */
export function renderTable(family: NatFamily): string {
  const sets = elementSets(family).map(({ kind, name, type, counter }) => `  ${kind} ${name} { type ${type};${counter ? ' counter;' : ''} }`);
  const lines = [...sets, `  chain ${versionChain(family)} { }`, ...baseChains(family).map(renderBaseChain)];
  return `table ${family} ${tableName} {\n${lines.join('\n')}\n}\n`;
}

/** Both families' tables made anew with this content, whatever there was: one transaction. */
export function renderReplacement(state: NatState): string {
  const content = diffNat(state, emptyNat);
  // Declaring the table makes its deletion succeed where there is none; `destroy` needs nft 1.0.8 and Linux 6.3.
  return natFamilies
    .map((family) => `table ${family} ${tableName} { }\ndelete table ${family} ${tableName}\n${renderTable(family)}${renderChange(family, content[family])}`)
    .join('');
}

/** Both families' changes: one transaction. */
export function renderChanges(change: NatChange): string {
  return natFamilies.map((family) => renderChange(family, change[family])).join('');
}

/** The commands for one family's change; nothing for an empty one. */
export function renderChange(family: NatFamily, { chains, deletes, adds, unused }: FamilyChange): string {
  const commands = [
    ...chains.map((chain) => renderBalanceChain(family, chain)),
    ...renderElements(`delete element ${family}`, deletes),
    ...renderElements(`add element ${family}`, adds),
    // nft refuses to delete a chain that has rules.
    ...unused.flatMap((chain) => ['flush', 'delete'].map((verb) => `${verb} chain ${family} ${tableName} ${chainName(chain)}`)),
  ];
  return commands.map((command) => `${command}\n`).join('');
}

function renderBaseChain({ name, type, hook, priority, policy, rules }: BaseChain): string {
  const head = `type ${type} hook ${hook} priority ${priority}; policy ${policy};`;
  return `  chain ${name} {\n    ${head}\n${rules.map((rule) => `    ${renderRule(rule)}\n`).join('')}  }`;
}

function renderRule({ text, comment }: Rule): string {
  return `${text} comment "${comment}"`;
}

/** The chain is created, so that one which exists, and would get its rules twice, makes the transaction fail. */
function renderBalanceChain(family: NatFamily, chain: BalanceChain): string {
  const target = `${family} ${tableName} ${chainName(chain)}`;
  return [`create chain ${target}`, ...balanceRules(family, chain).map((rule) => `add rule ${target} ${renderRule(rule)}`)].join('\n');
}

function renderElements(verb: string, elements: readonly NatElement[]): string[] {
  return setNames.flatMap((set) => {
    const texts = elements.filter((element) => element.set === set).map(({ key, data }) => (data === undefined ? key : `${key} : ${data}`));
    return chunked(texts).map((chunk) => `${verb} ${tableName} ${set} { ${chunk.join(', ')} }`);
  });
}

function chunked<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / elementsPerCommand);
  return Array.from({ length: count }, (_, index) => items.slice(index * elementsPerCommand, (index + 1) * elementsPerCommand));
}
