// A part is fetched once, when it is first wanted; one that did not come is asked for again, and the person hears why.

import { expect, test } from 'vitest';
import { Part } from './part.ts';

test('who wants it gets the same one, and nobody fetches it before', async () => {
  let fetched = 0;
  const part = new Part(() => Promise.resolve({ number: ++fetched }));
  expect(part.here).toBeUndefined();
  expect(fetched).toBe(0);
  const [one, other] = await Promise.all([part.get(), part.get()]);
  expect(one).toBe(other);
  expect(await part.get()).toBe(one);
  expect(part.here).toBe(one);
  expect(fetched).toBe(1);
});

test('a chunk that the server does not give says so, and comes when it is wanted again', async () => {
  const answers = [
    new TypeError('Failed to fetch dynamically imported module'),
    new Error('expected a layout'),
    'here',
  ];
  const part = new Part(() => {
    const answer = answers.shift();
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  });
  await expect(part.get()).rejects.toThrow(/^Expected a part of the page .*, found no connection\. Try again/);
  expect(part.here).toBeUndefined();
  await expect(part.get()).rejects.toThrow('expected a layout');
  expect(await part.get()).toBe('here');
});
