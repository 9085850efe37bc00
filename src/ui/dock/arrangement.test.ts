// The arrangement read without flexlayout says the same as flexlayout's own model does.
import { Actions, DockLocation, Model, TabSetNode, type IJsonModel } from 'flexlayout-react';
import { describe, expect, test } from 'vitest';
import { consolePanel } from '../console/console-panel.ts';
import { panels } from '../panels/index.ts';
import { defaultArrangement, frontTabs } from './arrangement.ts';

const all = [...panels, consolePanel];

function frontByModel(model: Model): readonly string[] {
  const front: string[] = [];
  model.visitNodes((node) => {
    const id = node instanceof TabSetNode ? node.getSelectedNode()?.getId() : undefined;
    if (id !== undefined) front.push(id);
  });
  return front.toSorted();
}

describe('the tabs in front', () => {
  test('of the arrangement nobody has touched', () => {
    const json = defaultArrangement(all);
    expect(frontTabs(json).toSorted()).toEqual(frontByModel(Model.fromJson(json)));
    expect(frontTabs(json)).toContain('console');
  });

  test('after tabs were chosen, moved and closed', () => {
    const model = Model.fromJson(defaultArrangement(all));
    model.doAction(Actions.selectTab('walk'));
    model.doAction(Actions.moveNode('exits', 'left', DockLocation.CENTER, -1, true));
    model.doAction(Actions.deleteTab('interrupts'));
    expect(frontTabs(model.toJson()).toSorted()).toEqual(frontByModel(model));
    expect(frontTabs(model.toJson())).toContain('walk');
  });

  test.each([
    ['nonsense', { layout: { type: 'nonsense' } }],
    ['children that are no list', { layout: { type: 'row', children: 5 } }],
    [
      'a front tab that is not there',
      { layout: { type: 'tabset', selected: 7, children: [{ type: 'tab', id: 'a' }] } },
    ],
  ])('of a damaged arrangement, %s, are none', (_what, json) => {
    expect(frontTabs(json as unknown as IJsonModel)).toEqual([]);
  });
});
