import t from 'tap';
import { MemoryStore } from '../../daemon/store/memory.js';
import { testStore } from './store.js';

testStore(t, async (options) => new MemoryStore(options));
