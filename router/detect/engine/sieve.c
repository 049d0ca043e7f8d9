/* The literals of one field, decided exactly: a text in, the atoms that are true for it out.
 *
 * A literal that may stand anywhere is filed under its rarest gram of up to four bytes; at every byte of the text a bitmap tells
 * whether a gram is filed there at all. Literals that begin a text, end it, or are all of it are filed under a hash of all their
 * bytes: one look-up for each length that there is. Texts are compared as UTF-8 (halves of surrogate pairs are written like any
 * other character), where a piece of the bytes is a piece of the text.
 *
 * The interpreter's lock is held, and nothing here calls back: one object serves all threads.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { GRAM = 4, PAIRS = 1 << 16, COUNTS = 1 << 16, LEAST_BITS = 10, MOST_BITS = 20, BITS_A_GRAM = 16, SCRATCH = 1024 };
enum { INSIDE = 'c', START = 's', END = 'e', WHOLE = 'q' };

typedef struct {
    uint32_t start, length; /* of its bytes in the pool */
    uint32_t gram, at;      /* what it is filed under, and where in it that stands */
    uint32_t next;          /* 1 + the index of the next one with the same gram; 0 if none */
    uint32_t seen;          /* the search in which it was last found */
    PyObject *atom, *told;  /* the atom that it decides, and the index that is told where it is found; or NULL */
    char side;
} Literal;

typedef struct {
    uint64_t *bits;  /* is a gram with this hash filed? */
    uint32_t *slots; /* 1 + index of the first literal with a gram; 0 if free */
    uint32_t mask, shift, size, count;
} Grams;

typedef struct {
    uint32_t *slots;  /* 1 + index of a literal; 0 if free */
    uint8_t *lengths; /* is there one of this length? */
    uint32_t mask, longest, count;
} Edges;

typedef struct {
    PyObject_HEAD
    uint8_t *pool;
    Literal *literals;
    uint32_t count, search;
    int folds;
    Grams grams[GRAM];             /* by size, smallest first */
    uint64_t *pairs;               /* does a gram of fewer than four bytes begin with these two? */
    Edges starts, ends, wholes;
} Sieve;

typedef struct {
    const uint8_t *bytes; /* zeros behind them, as many as a gram has */
    Py_ssize_t n;
    PyObject *true, *told;
} Text;

static uint32_t gram_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t cut(uint32_t gram, uint32_t size) { return gram & 0xFFFFFFFFu >> 8 * (GRAM - size); }

static uint32_t hash_of(uint32_t gram) { return gram * 0x9E3779B1u; }

static uint32_t mixed(uint32_t hash, uint8_t byte) { return (hash ^ byte) * 0x01000193u; }

static uint32_t spread(uint32_t hash) { return hash ^ hash >> 15; }

static uint32_t mask_for(uint32_t count)
{
    uint32_t mask = 7;
    while (mask < count * 2) mask = mask * 2 + 1;
    return mask;
}

/* ---- searching ---- */

static int found(Sieve *self, Literal *literal, Text *text)
{
    if (literal->seen == self->search) return 0;
    literal->seen = self->search;
    if (literal->atom && PyList_Append(text->true, literal->atom) < 0) return -1;
    if (!literal->told) return 0;
    if (!text->told && !(text->told = PyList_New(0))) return -1;
    return PyList_Append(text->told, literal->told);
}

static int filed(Sieve *self, const Grams *grams, uint32_t gram, Py_ssize_t at, Text *text)
{
    uint32_t slot = spread(hash_of(gram)) & grams->mask;
    while (grams->slots[slot] && self->literals[grams->slots[slot] - 1].gram != gram) slot = (slot + 1) & grams->mask;
    for (uint32_t i = grams->slots[slot]; i; i = self->literals[i - 1].next) {
        Literal *literal = self->literals + i - 1;
        Py_ssize_t from = at - (Py_ssize_t)literal->at;
        if (from < 0 || from + (Py_ssize_t)literal->length > text->n) continue;
        if (memcmp(text->bytes + from, self->pool + literal->start, literal->length)) continue;
        if (found(self, literal, text) < 0) return -1;
    }
    return 0;
}

static int is_filed(const Grams *grams, uint32_t gram)
{
    uint32_t hash = hash_of(gram) >> grams->shift;
    return grams->bits[hash >> 6] >> (hash & 63) & 1;
}

static int filed_short(Sieve *self, uint32_t gram, Py_ssize_t at, Text *text)
{
    for (const Grams *grams = self->grams; grams < self->grams + GRAM - 1; grams++) {
        uint32_t begin = cut(gram, grams->size);
        if (grams->count && is_filed(grams, begin) && filed(self, grams, begin, at, text) < 0) return -1;
    }
    return 0;
}

/* Literals that may stand anywhere. */
static int inside(Sieve *self, Text *text)
{
    const Grams *longest = self->grams + GRAM - 1;
    for (Py_ssize_t at = 0; at < text->n; at++) {
        uint32_t gram = gram_at(text->bytes + at);
        if (longest->count && is_filed(longest, gram) && filed(self, longest, gram, at, text) < 0) return -1;
        if (self->pairs && self->pairs[(gram & 0xFFFF) >> 6] >> (gram & 63) & 1 && filed_short(self, gram, at, text) < 0) return -1;
    }
    return 0;
}

static int looked_up(Sieve *self, const Edges *edges, uint32_t hash, const uint8_t *piece, uint32_t length, Text *text)
{
    for (uint32_t slot = spread(hash) & edges->mask; edges->slots[slot]; slot = (slot + 1) & edges->mask) {
        Literal *literal = self->literals + edges->slots[slot] - 1;
        if (literal->length != length || memcmp(piece, self->pool + literal->start, length)) continue;
        if (found(self, literal, text) < 0) return -1;
    }
    return 0;
}

/* Literals that begin the text (step 1, from its first byte) or end it (step -1, from its last). */
static int edge(Sieve *self, const Edges *edges, int step, Text *text)
{
    uint32_t hash = 0, longest = text->n < (Py_ssize_t)edges->longest ? (uint32_t)text->n : edges->longest;
    const uint8_t *byte = step > 0 ? text->bytes : text->bytes + text->n - 1;
    for (uint32_t length = 1; length <= longest; length++, byte += step) {
        hash = mixed(hash, *byte);
        if (!edges->lengths[length]) continue;
        if (looked_up(self, edges, hash, step > 0 ? text->bytes : byte, length, text) < 0) return -1;
    }
    return 0;
}

static int whole(Sieve *self, Text *text)
{
    uint32_t hash = 0;
    if (text->n > (Py_ssize_t)self->wholes.longest || !self->wholes.lengths[text->n]) return 0;
    for (Py_ssize_t i = 0; i < text->n; i++) hash = mixed(hash, text->bytes[i]);
    return looked_up(self, &self->wholes, hash, text->bytes, (uint32_t)text->n, text);
}

static void copy(uint8_t *to, const uint8_t *from, Py_ssize_t n, int folds)
{
    if (!folds) memcpy(to, from, (size_t)n);
    for (Py_ssize_t i = 0; folds && i < n; i++) to[i] = (uint8_t)(from[i] + ((uint8_t)(from[i] - 'A') < 26) * 32);
    memset(to + n, 0, GRAM);
}

static int decided(Sieve *self, const uint8_t *bytes, Text *text)
{
    uint8_t local[SCRATCH], *scratch = local;
    int failed;
    if (text->n + GRAM > SCRATCH && !(scratch = PyMem_Malloc((size_t)text->n + GRAM))) return PyErr_NoMemory(), -1;
    copy(scratch, bytes, text->n, self->folds);
    text->bytes = scratch;
    if (!++self->search) {
        for (uint32_t i = 0; i < self->count; i++) self->literals[i].seen = 0;
        self->search = 1;
    }
    failed = whole(self, text) < 0 || inside(self, text) < 0 || edge(self, &self->starts, 1, text) < 0
             || edge(self, &self->ends, -1, text) < 0;
    if (scratch != local) PyMem_Free(scratch);
    return failed ? -1 : 0;
}

static PyObject *sieve_decide(Sieve *self, PyObject *const *given, Py_ssize_t count)
{
    PyObject *encoded = NULL;
    Text text = {0};
    int failed;
    if (count != 2 || !PyUnicode_Check(given[0]) || !PyList_Check(given[1]))
        return PyErr_SetString(PyExc_TypeError, "decide(text, list) is what there is"), NULL;
    text.true = given[1];
    if (PyUnicode_IS_ASCII(given[0])) {
        text.n = PyUnicode_GET_LENGTH(given[0]);
        failed = decided(self, PyUnicode_1BYTE_DATA(given[0]), &text) < 0;
    } else {
        if (!(encoded = PyUnicode_AsEncodedString(given[0], "utf-8", "surrogatepass"))) return NULL;
        text.n = PyBytes_GET_SIZE(encoded);
        failed = decided(self, (const uint8_t *)PyBytes_AS_STRING(encoded), &text) < 0;
        Py_DECREF(encoded);
    }
    if (failed) Py_CLEAR(text.told);
    else if (!text.told) text.told = Py_NewRef(Py_None);
    return text.told;
}

/* ---- building ---- */

static void *zeros(size_t count, size_t size)
{
    void *made = PyMem_Calloc(count ? count : 1, size);
    if (!made) PyErr_NoMemory();
    return made;
}

static const uint8_t *bytes_of(const Sieve *self, const Literal *literal) { return self->pool + literal->start; }

static uint32_t size_of(const Literal *literal) { return literal->length < GRAM ? literal->length : GRAM; }

/* The gram of a literal at a place in it; the pool has zeros behind its last byte. */
static uint32_t gram_of(const Sieve *self, const Literal *literal, uint32_t at)
{
    return cut(gram_at(bytes_of(self, literal) + at), size_of(literal));
}

static uint32_t *often(const Sieve *self, uint32_t *counts, const Literal *literal, uint32_t at)
{
    return counts + (hash_of(gram_of(self, literal, at)) >> 16);
}

/* Where its rarest gram stands, by how often grams occur in all of them. */
static uint32_t rarest(const Sieve *self, uint32_t *counts, const Literal *literal)
{
    uint32_t best = 0;
    for (uint32_t at = 1; at + GRAM <= literal->length; at++)
        if (*often(self, counts, literal, at) < *often(self, counts, literal, best)) best = at;
    return best;
}

static void count_grams(Sieve *self, uint32_t *counts)
{
    for (Literal *literal = self->literals; literal < self->literals + self->count; literal++) {
        if (literal->side != INSIDE) continue;
        self->grams[size_of(literal) - 1].count++;
        for (uint32_t at = 0; at + GRAM <= literal->length; at++) ++*often(self, counts, literal, at);
    }
}

static int make_grams(Grams *grams, uint32_t size)
{
    uint32_t bits = LEAST_BITS;
    while (bits < MOST_BITS && 1u << bits < grams->count * BITS_A_GRAM) bits++;
    grams->size = size, grams->shift = 32 - bits, grams->mask = mask_for(grams->count);
    if (!grams->count) return 0;
    grams->bits = zeros((1u << bits) / 64, sizeof *grams->bits);
    grams->slots = zeros((size_t)grams->mask + 1, sizeof *grams->slots);
    return grams->bits && grams->slots ? 0 : -1;
}

static int make_pairs(Sieve *self)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < GRAM - 1; k++) count += self->grams[k].count;
    return !count || (self->pairs = zeros(PAIRS / 64, sizeof *self->pairs)) ? 0 : -1;
}

static void file_pairs(Sieve *self, const Literal *literal)
{
    uint32_t size = size_of(literal), pair = literal->gram & 0xFFFF, step = size == 1 ? 256 : PAIRS;
    for (; size < GRAM && pair < PAIRS; pair += step) self->pairs[pair >> 6] |= 1ull << (pair & 63);
}

static void file_gram(Sieve *self, uint32_t *counts, uint32_t i)
{
    Literal *literal = self->literals + i;
    Grams *grams = self->grams + size_of(literal) - 1;
    uint32_t hash, slot;
    literal->at = rarest(self, counts, literal);
    literal->gram = gram_of(self, literal, literal->at);
    hash = hash_of(literal->gram) >> grams->shift;
    grams->bits[hash >> 6] |= 1ull << (hash & 63);
    slot = spread(hash_of(literal->gram)) & grams->mask;
    while (grams->slots[slot] && self->literals[grams->slots[slot] - 1].gram != literal->gram) slot = (slot + 1) & grams->mask;
    literal->next = grams->slots[slot];
    grams->slots[slot] = i + 1;
    file_pairs(self, literal);
}

static int file_grams(Sieve *self)
{
    uint32_t *counts = zeros(COUNTS, sizeof *counts);
    int failed = !counts;
    if (!failed) count_grams(self, counts);
    for (uint32_t k = 0; !failed && k < GRAM; k++) failed = make_grams(self->grams + k, k + 1) < 0;
    failed = failed || make_pairs(self) < 0;
    for (uint32_t i = 0; !failed && i < self->count; i++)
        if (self->literals[i].side == INSIDE) file_gram(self, counts, i);
    PyMem_Free(counts);
    return failed ? -1 : 0;
}

static uint32_t edge_hash(const Sieve *self, const Literal *literal)
{
    const uint8_t *bytes = bytes_of(self, literal);
    uint32_t hash = 0;
    for (uint32_t k = 0; k < literal->length; k++) hash = mixed(hash, bytes[literal->side == END ? literal->length - 1 - k : k]);
    return hash;
}

static int file_edges(Sieve *self, Edges *edges, char side)
{
    for (uint32_t i = 0; i < self->count; i++) {
        if (self->literals[i].side != side) continue;
        edges->count++;
        if (self->literals[i].length > edges->longest) edges->longest = self->literals[i].length;
    }
    edges->mask = mask_for(edges->count);
    edges->slots = zeros((size_t)edges->mask + 1, sizeof *edges->slots);
    edges->lengths = zeros((size_t)edges->longest + 1, 1);
    if (!edges->slots || !edges->lengths) return -1;
    for (uint32_t i = 0; i < self->count; i++) {
        uint32_t slot;
        if (self->literals[i].side != side) continue;
        slot = spread(edge_hash(self, self->literals + i)) & edges->mask;
        while (edges->slots[slot]) slot = (slot + 1) & edges->mask;
        edges->slots[slot] = i + 1;
        edges->lengths[self->literals[i].length] = 1;
    }
    return 0;
}

static int side_of(const char *name, char *side)
{
    const char *known[] = {"contains", "startswith", "endswith", "q"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(name, known[i])) return *side = name[0], 0;
    return PyErr_Format(PyExc_ValueError, "no side of a text: %s", name), -1;
}

/* The bytes of a text behind those of the others. */
static int keep(Sieve *self, Literal *literal, PyObject *text, size_t *used)
{
    PyObject *encoded = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    uint8_t *pool;
    size_t n;
    if (!encoded) return -1;
    n = (size_t)PyBytes_GET_SIZE(encoded);
    pool = *used + n < UINT32_MAX / 2 ? PyMem_Realloc(self->pool, *used + n + GRAM) : NULL;
    if (!n) PyErr_SetString(PyExc_ValueError, "a literal is empty");
    else if (!pool) PyErr_NoMemory();
    if (pool) {
        self->pool = pool;
        memcpy(pool + *used, PyBytes_AS_STRING(encoded), n);
        memset(pool + *used + n, 0, GRAM);
        literal->start = (uint32_t)*used, literal->length = (uint32_t)n;
        *used += n;
    }
    Py_DECREF(encoded);
    return n && pool ? 0 : -1;
}

/* One literal: side, text, the atom that it decides or None, what to tell where it is found or None. */
static int take(Sieve *self, Literal *literal, PyObject *given, size_t *used)
{
    const char *name;
    PyObject *text, *atom, *told;
    if (!PyTuple_Check(given)) return PyErr_SetString(PyExc_TypeError, "a literal is a tuple: side, text, atom, told"), -1;
    if (!PyArg_ParseTuple(given, "sUOO", &name, &text, &atom, &told) || side_of(name, &literal->side) < 0) return -1;
    literal->atom = atom == Py_None ? NULL : Py_NewRef(atom);
    literal->told = told == Py_None ? NULL : Py_NewRef(told);
    return keep(self, literal, text, used);
}

static int fill(Sieve *self, PyObject *given)
{
    size_t used = 0;
    if (PySequence_Fast_GET_SIZE(given) > INT32_MAX / 4) return PyErr_SetString(PyExc_ValueError, "more literals than fit"), -1;
    self->literals = zeros((size_t)PySequence_Fast_GET_SIZE(given), sizeof *self->literals);
    if (!self->literals) return -1;
    self->count = (uint32_t)PySequence_Fast_GET_SIZE(given);
    for (uint32_t i = 0; i < self->count; i++)
        if (take(self, self->literals + i, PySequence_Fast_GET_ITEM(given, i), &used) < 0) return -1;
    if (file_grams(self) < 0 || file_edges(self, &self->starts, START) < 0) return -1;
    return file_edges(self, &self->ends, END) < 0 || file_edges(self, &self->wholes, WHOLE) < 0 ? -1 : 0;
}

static PyObject *sieve_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"", "folds", NULL};
    PyObject *listed, *given;
    Sieve *self;
    int folds;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O$p:Sieve", names, &listed, &folds)) return NULL;
    if (!(given = PySequence_Fast(listed, "literals are a sequence"))) return NULL;
    if ((self = (Sieve *)type->tp_alloc(type, 0))) self->folds = folds;
    if (self && fill(self, given) < 0) Py_CLEAR(self);
    Py_DECREF(given);
    return (PyObject *)self;
}

static void sieve_dealloc(Sieve *self)
{
    for (uint32_t i = 0; i < self->count; i++) Py_XDECREF(self->literals[i].atom), Py_XDECREF(self->literals[i].told);
    for (uint32_t k = 0; k < GRAM; k++) PyMem_Free(self->grams[k].bits), PyMem_Free(self->grams[k].slots);
    for (Edges *edges = &self->starts; edges <= &self->wholes; edges++) PyMem_Free(edges->slots), PyMem_Free(edges->lengths);
    PyMem_Free(self->pool), PyMem_Free(self->literals), PyMem_Free(self->pairs);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef methods[] = {
    {"decide", (PyCFunction)(void (*)(void))sieve_decide, METH_FASTCALL,
     "decide(text, true): append the atoms true for the text, each once; return what is told of the literals found, None if nothing."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject sieve_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "router.detect.engine._sieve.Sieve",
    .tp_doc = "Sieve(literals, folds=...): literals (side, text, atom, told); `folds`: the case of ASCII letters in texts does not matter.",
    .tp_basicsize = sizeof(Sieve),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = sieve_new,
    .tp_dealloc = (destructor)sieve_dealloc,
    .tp_methods = methods,
};

static PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_sieve", .m_doc = "The literals of one field, decided.", .m_size = -1};

PyMODINIT_FUNC PyInit__sieve(void)
{
    PyObject *made = PyType_Ready(&sieve_type) < 0 ? NULL : PyModule_Create(&module);
    if (made && PyModule_AddObjectRef(made, "Sieve", (PyObject *)&sieve_type) < 0) Py_CLEAR(made);
    return made;
}
