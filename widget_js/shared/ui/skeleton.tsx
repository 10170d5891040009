/** Something is on its way: as high as what comes is at least; its words are for those who do not see it. */
export const Skeleton = ({ text }: { text: string }) => (
  <div class="skeleton" role="status">
    <span class="away">{text}</span>
  </div>
);
