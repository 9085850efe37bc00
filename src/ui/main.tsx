// The page's entry: mounts React. Until there are panels it says so.
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id "root"; restore it.');
createRoot(root).render(
  <StrictMode>
    <main>
      <h1>Ringside</h1>
      <p>The laboratory is being built: there is no machine in this page yet.</p>
    </main>
  </StrictMode>,
);
