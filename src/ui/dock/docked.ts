// What is loaded together when the panels are first arranged: the model and its view.

export { createDockModel } from './dock-model.ts';
export { DockView } from './DockView.tsx';
