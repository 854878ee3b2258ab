import t from 'tap';
import { findContainer } from '../../../src/selectors/find.js';

const web1 = { id: `abc1${'0'.repeat(60)}`, name: 'web1' };
const web2 = { id: `abc2${'0'.repeat(60)}`, name: 'web2' };
/** Its name is the beginning of another one's id. */
const odd = { id: `fff0${'0'.repeat(60)}`, name: 'abc1' };
const all = [web1, web2, odd];

t.test('a container is found as Docker finds it', (t) => {
  t.equal(findContainer('web1', all), web1, 'by name');
  t.equal(findContainer('/web2', all), web2, 'by name with the slash of Docker\'s API');
  t.equal(findContainer('abc2', all), web2, 'by the beginning of its id');
  t.equal(findContainer(web1.id, all), web1, 'by its id');
  t.equal(findContainer('abc1', all), odd, 'a name goes before the beginning of an id');
  t.end();
});

t.test('what is none, or several', (t) => {
  t.throws(() => findContainer('abc', all), { code: 'conflict', message: 'the ids of 2 containers begin with "abc" (web1, web2): write more of the id, or the name' });
  for (const text of ['web', 'web3', '', 'ABC2']) {
    t.throws(() => findContainer(text, all), { code: 'not-found', message: `there is no container "${text}": give a name, or the beginning of an id, as "docker ps -a" shows them` });
  }
  t.throws(() => findContainer('a', [{ id: 'a1', name: '' }, { id: 'a2', name: '' }]), { message: /\(a1, a2\)/ }, 'nameless ones are told by their ids');
  t.end();
});
