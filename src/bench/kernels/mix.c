// A mix in the manner of CoreMark, written anew: a linked list is searched, reversed and sorted, small matrices of 16-bit
// numbers are multiplied, a state machine reads numbers from text, and a CRC-16 gathers every result. Short calls abound.
#include "kernel.h"

#define NODES 64u
#define ORDER 10u
#define TEXT 512u

struct node {
  struct node *next;
  u16 key, value;
};

struct work {
  struct node nodes[NODES];
  short left[ORDER][ORDER], right[ORDER][ORDER];
  i32 product[ORDER][ORDER];
  u8 text[TEXT];
};

static u16 crc16_byte(u8 byte, u16 crc) {
  for (u32 bit = 0; bit < 8; bit++) {
    u32 carry = (crc ^ byte) & 1;
    byte >>= 1;
    crc >>= 1;
    if (carry) crc ^= 0xa001;
  }
  return crc;
}

static __attribute__((noinline)) u16 crc16(u32 word, u16 crc) {
  crc = crc16_byte(word & 0xff, crc);
  crc = crc16_byte(word >> 8 & 0xff, crc);
  crc = crc16_byte(word >> 16 & 0xff, crc);
  return crc16_byte(word >> 24, crc);
}

// The list.

static struct node *build(struct node *nodes, u32 seed) {
  for (u32 i = 0; i < NODES; i++) {
    nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : 0;
    nodes[i].key = next_random(&seed) >> 20;
    nodes[i].value = i;
  }
  return nodes;
}

static __attribute__((noinline)) struct node *find(struct node *list, u16 value) {
  while (list && list->value != value) list = list->next;
  return list;
}

static __attribute__((noinline)) struct node *reverse(struct node *list) {
  struct node *reversed = 0;
  while (list) {
    struct node *next = list->next;
    list->next = reversed;
    reversed = list;
    list = next;
  }
  return reversed;
}

typedef i32 (*comparison)(const struct node *a, const struct node *b);
static i32 by_key(const struct node *a, const struct node *b) { return (i32)a->key - (i32)b->key; }
static i32 by_value(const struct node *a, const struct node *b) { return (i32)a->value - (i32)b->value; }

static struct node *merge_sort(struct node *list, comparison compare) {
  if (!list || !list->next) return list;
  struct node *slow = list, *fast = list->next;
  while (fast && fast->next) slow = slow->next, fast = fast->next->next;
  struct node *right = merge_sort(slow->next, compare);
  slow->next = 0;
  struct node *left = merge_sort(list, compare);
  struct node head, *tail = &head;
  while (left && right) {
    struct node **smaller = compare(left, right) <= 0 ? &left : &right;
    tail = tail->next = *smaller;
    *smaller = (*smaller)->next;
  }
  tail->next = left ? left : right;
  return head.next;
}

static u16 list_work(struct work *work, u32 seed, u16 crc) {
  struct node *list = build(work->nodes, seed);
  for (u16 value = 0; value < NODES; value += 5) {
    struct node *found = find(list, value);
    crc = crc16(found ? found->key : 0, crc);
    list = reverse(list);
  }
  list = merge_sort(list, by_key);
  for (struct node *at = list; at; at = at->next) crc = crc16(at->value, crc);
  list = merge_sort(list, by_value);
  return crc16(list->key, crc);
}

// The matrices.

static u16 matrix_work(struct work *work, u32 seed, u16 crc) {
  for (u32 row = 0; row < ORDER; row++)
    for (u32 column = 0; column < ORDER; column++) {
      work->left[row][column] = (short)(next_random(&seed) >> 16);
      work->right[row][column] = (short)(next_random(&seed) >> 16);
    }
  for (u32 row = 0; row < ORDER; row++)
    for (u32 column = 0; column < ORDER; column++) {
      u32 sum = 0;
      for (u32 i = 0; i < ORDER; i++) sum += (u32)((i32)work->left[row][i] * (i32)work->right[i][column]);
      work->product[row][column] = (i32)sum;
    }
  for (u32 i = 0; i < ORDER; i++) crc = crc16((u32)work->product[i][i], crc);
  return crc;
}

// The state machine: it classifies the words of a text as whole numbers, decimals, numbers with exponent, or none.

enum state { START, SIGN, WHOLE, DECIMAL, EXPONENT, EXPONENT_DIGITS, INVALID, STATES };

static inline u32 is_digit(u8 c) { return c >= '0' && c <= '9'; }

static __attribute__((noinline)) enum state step(enum state state, u8 c) {
  switch (state) {
  case START:
    return is_digit(c) ? WHOLE : c == '+' || c == '-' ? SIGN : c == '.' ? DECIMAL : INVALID;
  case SIGN:
    return is_digit(c) ? WHOLE : c == '.' ? DECIMAL : INVALID;
  case WHOLE:
    return is_digit(c) ? WHOLE : c == '.' ? DECIMAL : c == 'e' ? EXPONENT : INVALID;
  case DECIMAL:
    return is_digit(c) ? DECIMAL : c == 'e' ? EXPONENT : INVALID;
  case EXPONENT:
    return is_digit(c) || c == '-' ? EXPONENT_DIGITS : INVALID;
  case EXPONENT_DIGITS:
    return is_digit(c) ? EXPONENT_DIGITS : INVALID;
  default:
    return INVALID;
  }
}

static u16 text_work(struct work *work, u32 seed, u16 crc) {
  static const u8 letters[16] = "0123456789.e-+, ";
  for (u32 i = 0; i < TEXT; i++) work->text[i] = letters[next_random(&seed) >> 28];
  u32 counts[STATES];
  for (u32 i = 0; i < STATES; i++) counts[i] = 0;
  enum state state = START;
  for (u32 i = 0; i < TEXT; i++) {
    u8 c = work->text[i];
    if (c == ',' || c == ' ') {
      counts[state]++;
      state = START;
    } else {
      state = step(state, c);
    }
  }
  for (u32 i = 0; i < STATES; i++) crc = crc16(counts[i], crc);
  return crc;
}

static void prepare(u8 *heap) { (void)heap; }

static u32 run(const u8 *heap, u32 rounds) {
  struct work *work = (struct work *)heap;
  u32 checksum = 0;
  for (u32 round = 0; round < rounds; round++) {
    u16 crc = list_work(work, round, 0xffff);
    crc = matrix_work(work, round, crc);
    crc = text_work(work, round, crc);
    checksum = fold(checksum, crc);
  }
  return checksum;
}

const struct kernel mix = {prepare, run};
