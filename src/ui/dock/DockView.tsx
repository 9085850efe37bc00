// The dock on a wide screen: flexlayout draws the model, each tab hosts one panel.

import { I18nLabel, Layout, type TabNode } from 'flexlayout-react';
import 'flexlayout-react/style/light.css';
import { memo, useSyncExternalStore } from 'react';
import { useLab } from '../lab.ts';
import { PanelHost } from './PanelHost.tsx';
import './dock.css';

/** flexlayout's words for what it draws, in ours; other texts pass through, undefined keeps its default. */
const WORDS: Readonly<Record<string, string>> = {
  [I18nLabel.Maximize]: 'Maximize this place',
  [I18nLabel.Restore]: 'Restore the arrangement',
  [I18nLabel.Move_Tabset]: 'Drag to move these panels',
  [I18nLabel.Active_Tabset]: 'The place used last',
  [I18nLabel.Overflow_Menu_Tooltip]: 'More panels here',
  [I18nLabel.Splitter]: 'Resize; arrow keys move it',
};

/** Drawn anew only when the arrangement changes: it measures itself, which costs a layout of the whole page. */
export const DockView = memo(function DockView() {
  const { dock, panels } = useLab();
  const model = useSyncExternalStore(dock.onChange, dock.model);
  if (model === undefined) return null;
  return (
    <div className="dock">
      <Layout
        model={model}
        factory={(node) => <DockedPanel node={node} />}
        onModelChange={dock.changed}
        onRenderTab={(node, values) => {
          const panel = panels.find(({ id }) => id === node.getId());
          if (panel?.key !== undefined) {
            values.leading = (
              <span className="dock-key" aria-hidden="true">
                {panel.key}
              </span>
            );
          }
        }}
        onTabSetPlaceHolder={() => (
          <p className="dock-empty">Nothing is open here. Ctrl+K, then “Show”, opens a panel.</p>
        )}
        realtimeResize
        invalidateTabContentOnParentRender={false}
        supportsPopout={false}
        tabDragSpeed={0}
        keyMap={{ closeTab: 'Delete' }}
        i18nTranslator={(text) => WORDS[text] ?? text}
      />
    </div>
  );
});

function DockedPanel({ node }: { readonly node: TabNode }) {
  const { dock, panels } = useLab();
  const panel = panels.find(({ id }) => id === node.getId());
  const visible = useSyncExternalStore(dock.onChange, () => panel !== undefined && dock.visible().includes(panel.id));
  return panel && <PanelHost panel={panel} visible={visible} />;
}
