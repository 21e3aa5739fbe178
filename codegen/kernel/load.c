/* The loader of kernel objects. In: bytes, perhaps of a cache file: an ELF64 relocatable for x86-64 (System V ABI, AMD64
 * supplement), as LLVM writes them for a module without outside references. Out: one function in pages of its own. Every
 * offset is checked before it is used; nothing but code, constants and PC-relative relocations is let in.
 * Sections with SHF_ALLOC are laid out in one mapping, relocated (PC-relative, into these sections only), then the
 * pages become readable and executable; they are never writable and executable at once. */
#include "codegen/kernel/provider.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* An object of ours has about ten sections; OBJECT_MAX is above the largest matcher; no section asks for more than a page,
 * which is what mmap aligns to. */
enum { SECTIONS_MAX = 64, OBJECT_MAX = 64 << 20, ALIGNMENT_MAX = 4096 };

struct object {
    const char *bytes;
    size_t size;
    Elf64_Ehdr header;
    Elf64_Shdr sections[SECTIONS_MAX];
    size_t place[SECTIONS_MAX]; /* offset in the mapping, of SHF_ALLOC sections */
    size_t total;               /* bytes to map */
    const char *problem;
};

static bool fail(struct object *o, const char *problem)
{
    if (!o->problem)
        o->problem = problem;
    return false;
}

/* No sum is formed that could wrap. */
static bool in_bounds(const struct object *o, uint64_t offset, uint64_t size)
{
    return offset <= o->size && size <= o->size - offset;
}

/* Headers are copied out: the bytes have no alignment. */
static bool read_header(struct object *o)
{
    static const unsigned char ident[] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
    if (o->size < sizeof o->header || o->size > OBJECT_MAX)
        return fail(o, "its size is not an object's");
    memcpy(&o->header, o->bytes, sizeof o->header);
    if (memcmp(o->header.e_ident, ident, sizeof ident) || o->header.e_type != ET_REL || o->header.e_machine != EM_X86_64)
        return fail(o, "it is not an x86-64 ELF object");
    if (o->header.e_shentsize != sizeof(Elf64_Shdr) || o->header.e_shnum == 0 || o->header.e_shnum > SECTIONS_MAX ||
        !in_bounds(o, o->header.e_shoff, (uint64_t)o->header.e_shnum * sizeof(Elf64_Shdr)))
        return fail(o, "its section table is out of bounds");
    memcpy(o->sections, o->bytes + o->header.e_shoff, o->header.e_shnum * sizeof(Elf64_Shdr));
    return true;
}

static bool is_loaded(const Elf64_Shdr *s)
{
    return (s->sh_flags & SHF_ALLOC) && s->sh_size > 0;
}

/* The total cannot overflow: at most SECTIONS_MAX sections, each no larger than the object. */
static bool place_sections(struct object *o)
{
    for (unsigned i = 0; i < o->header.e_shnum; i++) {
        const Elf64_Shdr *s = &o->sections[i];
        uint64_t align = s->sh_addralign ? s->sh_addralign : 1;
        if (s->sh_type != SHT_NOBITS && s->sh_type != SHT_NULL && !in_bounds(o, s->sh_offset, s->sh_size))
            return fail(o, "a section is out of bounds");
        if (!is_loaded(s))
            continue;
        if (s->sh_type != SHT_PROGBITS && s->sh_type != SHT_X86_64_UNWIND)
            return fail(o, "a section is neither code nor constants");
        if ((s->sh_flags & SHF_WRITE) || align > ALIGNMENT_MAX || (align & (align - 1)))
            return fail(o, "a section is writable or aligned beyond a page");
        o->place[i] = (o->total + align - 1) & ~(size_t)(align - 1);
        o->total = o->place[i] + s->sh_size;
    }
    return o->total > 0 || fail(o, "it holds no code");
}

static const Elf64_Shdr *section_at(const struct object *o, unsigned index)
{
    return index < o->header.e_shnum ? &o->sections[index] : NULL;
}

/* Symbol `index` of the symbol table `table`, defined in a loaded section; false otherwise. */
static bool read_symbol(struct object *o, unsigned table, uint64_t index, Elf64_Sym *symbol)
{
    const Elf64_Shdr *s = section_at(o, table);
    if (!s || s->sh_type != SHT_SYMTAB || index >= s->sh_size / sizeof *symbol)
        return fail(o, "a relocation names no symbol");
    memcpy(symbol, o->bytes + s->sh_offset + index * sizeof *symbol, sizeof *symbol);
    const Elf64_Shdr *home = section_at(o, symbol->st_shndx);
    if (!home || symbol->st_shndx == SHN_UNDEF || !is_loaded(home))
        return fail(o, "a symbol is defined elsewhere");
    return symbol->st_value <= home->sh_size || fail(o, "a symbol is out of bounds");
}

/* S + A - P into four bytes; memory NULL: checked only. */
static bool relocate(struct object *o, char *memory, unsigned target, const Elf64_Shdr *table, const Elf64_Rela *r)
{
    Elf64_Sym symbol;
    unsigned type = (unsigned)ELF64_R_TYPE(r->r_info);
    if (type != R_X86_64_PC32 && type != R_X86_64_PLT32)
        return fail(o, "a relocation is not PC-relative");
    if (o->sections[target].sh_size < 4 || r->r_offset > o->sections[target].sh_size - 4)
        return fail(o, "a relocation is out of bounds");
    if (!read_symbol(o, table->sh_link, ELF64_R_SYM(r->r_info), &symbol))
        return false;
    uint64_t s = o->place[symbol.st_shndx] + symbol.st_value, p = o->place[target] + r->r_offset;
    int64_t value = (int64_t)(s + (uint64_t)r->r_addend - p);
    if (value != (int32_t)value)
        return fail(o, "a relocation does not fit");
    int32_t field = (int32_t)value;
    if (memory)
        memcpy(memory + p, &field, sizeof field);
    return true;
}

/* Once with memory NULL (kernel_object_problem), once for good; the checks are the same. */
static bool relocate_all(struct object *o, char *memory)
{
    for (unsigned i = 0; i < o->header.e_shnum; i++) {
        const Elf64_Shdr *table = &o->sections[i], *target = section_at(o, table->sh_info);
        if (table->sh_type == SHT_REL)
            return fail(o, "relocations have no addends");
        if (table->sh_type != SHT_RELA || !target || !is_loaded(target))
            continue;
        for (uint64_t j = 0; j < table->sh_size / sizeof(Elf64_Rela); j++) {
            Elf64_Rela r;
            memcpy(&r, o->bytes + table->sh_offset + j * sizeof r, sizeof r);
            if (!relocate(o, memory, table->sh_info, table, &r))
                return false;
        }
    }
    return true;
}

static void copy_sections(const struct object *o, char *memory)
{
    for (unsigned i = 0; i < o->header.e_shnum; i++)
        if (is_loaded(&o->sections[i]))
            memcpy(memory + o->place[i], o->bytes + o->sections[i].sh_offset, o->sections[i].sh_size);
}

/* The one global function, in an executable section. */
static bool find_function(struct object *o, size_t *offset)
{
    unsigned found = 0;
    for (unsigned i = 0; i < o->header.e_shnum; i++) {
        const Elf64_Shdr *table = &o->sections[i];
        for (uint64_t j = 1; table->sh_type == SHT_SYMTAB && j < table->sh_size / sizeof(Elf64_Sym); j++) {
            Elf64_Sym s;
            memcpy(&s, o->bytes + table->sh_offset + j * sizeof s, sizeof s);
            if (ELF64_ST_BIND(s.st_info) != STB_GLOBAL)
                continue;
            if (s.st_shndx == SHN_UNDEF)
                return fail(o, "a symbol is defined elsewhere");
            const Elf64_Shdr *home = section_at(o, s.st_shndx);
            if (!home || !is_loaded(home) || !(home->sh_flags & SHF_EXECINSTR) || s.st_value >= home->sh_size)
                return fail(o, "its function is out of bounds");
            *offset = o->place[s.st_shndx] + s.st_value;
            found++;
        }
    }
    return found == 1 || fail(o, "it does not define exactly one function");
}

const char *kernel_object_problem(const char *bytes, size_t size)
{
    struct object o = {.bytes = bytes, .size = size};
    size_t offset;
    if (read_header(&o) && place_sections(&o) && relocate_all(&o, NULL))
        find_function(&o, &offset);
    return o.problem;
}

/* code->memory is set before anything that may fail, so that kernel_unload in the caller frees it. */
static bool map_object(struct object *o, struct kernel_code *code, struct diags *diags)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), offset = 0;
    code->size = (o->total + page - 1) / page * page;
    code->memory = mmap(NULL, code->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code->memory == MAP_FAILED) {
        code->memory = NULL;
        diag_report(diags, DIAG_kernel_memory, (struct span){0}, "no pages for a kernel: %s", strerror(errno));
        return false;
    }
    copy_sections(o, code->memory);
    if (!relocate_all(o, code->memory) || !find_function(o, &offset))
        return false;
    if (mprotect(code->memory, code->size, PROT_READ | PROT_EXEC)) {
        diag_report(diags, DIAG_kernel_memory, (struct span){0}, "pages may not become executable: %s", strerror(errno));
        return false;
    }
    void *address = (char *)code->memory + offset;
    memcpy(&code->function, &address, sizeof address);
    return true;
}

bool kernel_load(const char *object, size_t size, struct kernel_code *code, struct diags *diags)
{
    struct object o = {.bytes = object, .size = size};
    *code = (struct kernel_code){0};
    bool ok = read_header(&o) && place_sections(&o) && map_object(&o, code, diags);
    if (!ok)
        kernel_unload(code);
    if (o.problem)
        diag_report(diags, DIAG_kernel_object, (struct span){0}, "this is no kernel object: %s", o.problem);
    return ok;
}

void kernel_unload(struct kernel_code *code)
{
    if (code->memory)
        munmap(code->memory, code->size);
    *code = (struct kernel_code){0};
}
