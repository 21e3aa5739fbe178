/* Grammar of the .qr language (docs/language.md). One builder call an action; the builder is ast_build*.c.
 * Errors are recovered from at declarations, slots, rules, steps and expectations: after an error the token stream skips
 * to where one of them can begin again and says SYNC there (qr_token.c). */
%require "3.8"
%define api.pure full
%define api.prefix {qr_parse_}
%define api.token.prefix {T_}
%define api.location.type {struct span}
%define parse.error custom
%define lr.type canonical-lr
%define lr.default-reduction consistent
%locations
%expect 0
%param {struct qr_parse *parse}

%code requires {
#include "lang/qr.h"
}
%code {
#define YYMALLOC(size) arena_alloc(parse->arena, (size))
#define YYFREE(memory) ((void)(memory))
#define YYLLOC_DEFAULT(result, rhs, count) \
    ((result) = (count) ? span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, count)) \
                        : (struct span){YYRHSLOC(rhs, 0).source, YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end})
static const struct ast_name no_name;

int qr_parse_lex(QR_PARSE_STYPE *value, QR_PARSE_LTYPE *span, struct qr_parse *parse);
static void qr_parse_error(const struct span *span, struct qr_parse *parse, const char *message);
}

%union {
    struct ast_name name;
    struct ast_string string;
    struct ast_number number;
    struct ast_term term;
    struct ast_decl *decl;
    struct ast_format *format;
    struct ast_spec *spec;
    struct ast_attribute *attribute;
    struct ast_argument *argument;
    struct ast_value *value;
    struct ast_predicate *predicate;
    struct ast_rule *rule;
    struct ast_slot *slot;
    struct ast_step *step;
    struct ast_expect *expect;
    struct attribute_list attributes;
    struct argument_list arguments;
    struct value_list values;
    struct rule_list rules;
    struct step_list steps;
    struct expect_list expects;
    struct qr_chain *chain;
    struct qr_numbers numbers;
    struct qr_strings strings;
    struct qr_bound bound;
    struct qr_key key;
    struct qr_tail tail;
    struct qr_flags flags;
    enum ast_policy policy;
    int index;
}

/* Keywords. The alias is the word; the order makes the groups of the table below. Up to "_" they are reserved. */
%token <name>
    RECIPE "recipe" IMPORT "import" FORMAT "format" SPEC "spec" CONFIG "config" SET "set" ALIAS "alias" GROUP "group"
    SCHEDULE "schedule" PREPARE "prepare" ALGORITHM "algorithm" MATCH "match" EXPECT "expect"
    WEIGHT "weight" BIAS "bias" INPUT "input" OUTPUT "output" STATE "state" MODULE "module" EXTRA "extra"
    SYMMETRIC "symmetric" ASYMMETRIC "asymmetric" PER "per" SCALE "scale" ZERO "zero" FORMULA "formula" RANGE "range"
    STATIC "static" ROUND "round" SATURATE "saturate" OVERFLOW "overflow" COMPUTE "compute" DYNAMIC "dynamic"
    PACK "pack" RAGGED "ragged" EPS "eps"
    GLOB "glob" RE "re" CONTAINS "contains" NAME_IS "name" UNDER "under" MPATH "mpath" TYPE "type" ISA "isa" OP "op"
    OPNAME "opname" TAG "tag" PARAM "param" ROLE "role" DTYPE "dtype"
    LAYER "layer" NDIM "ndim" NUMEL "numel" SHAPE "shape"
    AND "and" OR "or" NOT "not" IN "in" WITH "with" AS "as" NONE "none" SKIP "skip" DISABLED "disabled"
    OPTIONAL "optional" USE "use" ANY "_"
    VERSION "version" COMPAT "compat" WHERE "where" POW2 "pow2" ROUNDED "rounded" SECOND "second" SUPER "super"
    INF "inf" NAN "nan"
%token
    EQ "==" NE "!=" LT "<" LE "<=" GT ">" GE ">="
    LBRACE "{" RBRACE "}" LPAREN "(" RPAREN ")" LBRACKET "[" RBRACKET "]" ARROW "=>" ASSIGN "=" COMMA "," COLON ":"
    DOTS ".." PERCENT "%"
%token <name> NAME "a name"
%token <string> STRING "a string" FLOW "a YAML flow mapping"
%token <number> INTEGER "an integer" DECIMAL "a decimal number"
%token UNKNOWN "a character" START_RECIPE "a recipe" START_SPEC "a whole spec" START_PREDICATE "a whole predicate" START_BODY "a whole body"
    SYNC "the next line"
%token END 0 "the end"

%type <name> name any_name decl_name label key key_word import_name config_base
%type <name> param_words scheme_word per_word overflow_word compute_word round_word zero_word role_word quantity
%type <decl> decl body recipe_body import_body config_body config_items
%type <format> definition format_body
%type <spec> spec slot_value
%type <tail> tail changes
%type <attributes> attributes some_attributes
%type <attribute> attribute format_change scale
%type <numbers> integers
%type <strings> strings
%type <bound> bound
%type <arguments> arguments some_arguments range_arguments schedule_block schedule_steps
%type <argument> argument schedule_step
%type <value> value schedule_value
%type <values> values some_values
%type <number> number
%type <predicate> predicate conjunction negation primary atom comparison where
%type <chain> disjuncts conjuncts
%type <index> comparison_op role keyed_role
%type <term> term term_base
%type <rules> rules
%type <rule> rule plain_rule target
%type <flags> flags
%type <policy> policy
%type <slot> slot plain_slot
%type <key> slot_key
%type <steps> steps steps_block
%type <step> step
%type <expects> expects
%type <expect> expectation expect_target

%%
start:
  START_RECIPE decls
| START_SPEC spec                       { parse->spec = $spec; }
| START_PREDICATE predicate             { parse->predicate = $predicate; }
| START_BODY body                       { parse->decl = $body; }
;

/* ---- declarations ---- */
decls:
  %empty
| decls decl                            { qr_add_decl(parse, $decl); }
| decls error SYNC                      { yyerrok; }
;
decl:
  "recipe" recipe_body                  { $$ = qr_decl(AST_DECL_recipe, no_name, $recipe_body, @$); }
| "import" import_body                  { $$ = qr_decl(AST_DECL_import, no_name, $import_body, @$); }
| "format" decl_name "=" format_body    { $$ = qr_decl(AST_DECL_format, $decl_name, qr_format(parse, $format_body), @$); }
| "spec" decl_name "=" spec             { $$ = qr_decl(AST_DECL_spec, $decl_name, qr_spec_decl(parse, $spec), @$); }
| "config" decl_name config_body        { $$ = qr_decl(AST_DECL_config, $decl_name, $config_body, @$); }
| "set" decl_name "=" predicate         { $$ = qr_decl(AST_DECL_set, $decl_name, qr_set(parse, $predicate), @$); }
| "alias" decl_name "=" STRING          { $$ = qr_decl(AST_DECL_alias, $decl_name, qr_alias(parse, $STRING), @$); }
| "group" decl_name assign strings          { $$ = qr_decl(AST_DECL_group, $decl_name, qr_group(parse, $strings), @$); }
| "schedule" decl_name schedule_block   { $$ = qr_decl(AST_DECL_schedule, $decl_name, qr_schedule(parse, $schedule_block), @$); }
| "prepare" steps_block                 { $$ = qr_decl(AST_DECL_prepare, no_name, qr_steps(parse, $steps_block), @$); }
| "algorithm" steps_block               { $$ = qr_decl(AST_DECL_algorithm, no_name, qr_steps(parse, $steps_block), @$); }
| "match" policy "{" rules "}"          { $$ = qr_decl(AST_DECL_match, no_name, qr_match(parse, $policy, $rules), @$); }
| "expect" "{" expects "}"              { $$ = qr_decl(AST_DECL_expect, no_name, qr_expects(parse, $expects), @$); }
;
/* What a YAML key's string value holds; braces and "=" may be left out. */
body:
  "recipe" recipe_body                  { $$ = $recipe_body; }
| "import" import_body                  { $$ = $import_body; }
| "format" assign format_body           { $$ = qr_format(parse, $format_body); }
| "spec" assign spec                    { $$ = qr_spec_decl(parse, $spec); }
| "config" config_body                  { $$ = $config_body; }
| "config" "none"                       { $$ = qr_config_null(parse); }
| "config" config_items                 { $$ = $config_items; }
| "set" assign predicate                { $$ = qr_set(parse, $predicate); }
| "alias" assign STRING                 { $$ = qr_alias(parse, $STRING); }
| "group" assign strings                { $$ = qr_group(parse, $strings); }
| "schedule" schedule_block             { $$ = qr_schedule(parse, $schedule_block); }
| "schedule" schedule_steps             { $$ = qr_schedule(parse, $schedule_steps); }
| "prepare" steps_block                 { $$ = qr_steps(parse, $steps_block); }
| "prepare" steps                       { $$ = qr_steps(parse, $steps); }
| "algorithm" steps_block               { $$ = qr_steps(parse, $steps_block); }
| "algorithm" steps                     { $$ = qr_steps(parse, $steps); }
| "match" rules                         { $$ = qr_match(parse, AST_FIRST, $rules); }
| "expect" expects                      { $$ = qr_expects(parse, $expects); }
;
assign: %empty | "=" ;
recipe_body:
  STRING                                { $$ = qr_recipe(parse, $STRING, NULL); }
| STRING "version" INTEGER              { $$ = qr_recipe(parse, $STRING, &$INTEGER); }
;
import_body: STRING import_name         { $$ = qr_import(parse, $STRING, $import_name); } ;
import_name:
  %empty                                { $$ = no_name; }
| "as" decl_name                        { $$ = $decl_name; }
;

/* ---- names ---- */
decl_name: any_name                     { $$ = qr_declared(parse, $any_name); } ;
any_name:
  name
| "inf"
| "nan"
| STRING                                { $$ = qr_name_of($STRING); }
;
name: NAME | "version" | "compat" | "where" | "pow2" | "rounded" | "second" | "super" ;
strings:
  STRING                                { $$ = qr_strings_add(parse, (struct qr_strings){0}, $STRING); }
| strings STRING                        { $$ = qr_strings_add(parse, $1, $STRING); }
;

/* ---- formats ---- */
format_body:
  definition
| any_name                              { $$ = qr_format_alias(parse, $any_name); }
;
definition: NAME "(" arguments ")"      { $$ = qr_definition(parse, $NAME, $arguments); } ;

/* ---- specs ---- */
spec:
  any_name tail                         { $$ = qr_spec(parse, $any_name, NULL, $tail, @$); }
| definition tail                       { $$ = qr_spec(parse, no_name, $definition, $tail, @$); }
;
tail:
  %empty                                { $$ = (struct qr_tail){0}; }
| changes
;
changes:
  some_attributes                       { $$ = qr_tail(false, NULL, $some_attributes); }
| format_change attributes              { $$ = qr_tail(false, $format_change, $attributes); }
| "with" some_attributes                { $$ = qr_tail(true, NULL, $some_attributes); }
| "with" format_change attributes       { $$ = qr_tail(true, $format_change, $attributes); }
;
format_change:
  any_name                              { $$ = qr_attribute_format(parse, $any_name, NULL, @$); }
| definition                            { $$ = qr_attribute_format(parse, no_name, $definition, @$); }
;
attributes:
  %empty                                { $$ = (struct attribute_list){0}; }
| some_attributes
;
some_attributes:
  attribute                             { $$ = attribute_list_add((struct attribute_list){0}, $attribute); }
| some_attributes attribute             { $$ = attribute_list_add($1, $attribute); }
;
attribute:
  "symmetric"                           { $$ = qr_attribute(parse, AST_SCHEME, SCHEME_symmetric, @$); }
| "symmetric" scheme_word               { $$ = qr_scheme(parse, WORDS_symmetric, $scheme_word, @$); }
| "asymmetric"                          { $$ = qr_attribute(parse, AST_SCHEME, SCHEME_asymmetric, @$); }
| "asymmetric" scheme_word              { $$ = qr_scheme(parse, WORDS_asymmetric, $scheme_word, @$); }
| "per" per_word                        { $$ = qr_granularity(parse, $per_word, (struct qr_numbers){0}, @$); }
| "per" per_word "(" integers ")"       { $$ = qr_granularity(parse, $per_word, $integers, @$); }
| scale                                 { $$ = qr_attribute_end($scale, @$); }
| "zero" zero_word                      { $$ = qr_attribute_word(parse, AST_ZERO, $zero_word, @$); }
| "formula" NAME                        { $$ = qr_attribute_word(parse, AST_FORMULA, $NAME, @$); }
| "range" NAME range_arguments          { $$ = qr_range(parse, $NAME, $range_arguments, @$); }
| "static"                              { $$ = qr_attribute(parse, AST_TIMING, TIMING_static, @$); }
| "static" "(" bound "," bound ")"      { $$ = qr_static(parse, $3, $5, @$); }
| "round" round_word                    { $$ = qr_round(parse, $round_word, NULL, @$); }
| "round" round_word "(" INTEGER ")"    { $$ = qr_round(parse, $round_word, &$INTEGER, @$); }
| "saturate"                            { $$ = qr_attribute(parse, AST_OVERFLOW, OVERFLOW_MODE_saturate, @$); }
| "overflow" overflow_word              { $$ = qr_attribute_word(parse, AST_OVERFLOW, $overflow_word, @$); }
| "compute" compute_word                { $$ = qr_attribute_word(parse, AST_COMPUTE, $compute_word, @$); }
| "dynamic"                             { $$ = qr_attribute(parse, AST_TIMING, TIMING_dynamic, @$); }
| "pack" NAME                           { $$ = qr_attribute_word(parse, AST_PACK, $NAME, @$); }
| "ragged" NAME                         { $$ = qr_attribute_word(parse, AST_RAGGED, $NAME, @$); }
| "eps" number                          { $$ = qr_eps(parse, $number, @$); }
;
scheme_word: NAME ;
per_word: NAME | "group" ;
zero_word: NAME | "none" ;
round_word: NAME | "zero" ;
overflow_word: NAME | "inf" | "nan" | "saturate" ;
compute_word: NAME | "input" ;
scale:
  "scale" any_name                      { $$ = qr_scale(parse, $any_name, NULL); }
| "scale" definition                    { $$ = qr_scale(parse, (struct ast_name){.span = @definition}, $definition); }
| scale "pow2" NAME                     { $$ = qr_scale_pow2(parse, $1, $NAME, @NAME); }
| scale "rounded" NAME                  { $$ = qr_scale_rounded(parse, $1, $NAME, @NAME); }
| scale "second" any_name               { $$ = qr_scale_second(parse, $1, $any_name, @any_name); }
| scale "super" "(" INTEGER ")"         { $$ = qr_scale_super(parse, $1, $INTEGER, @INTEGER); }
;
integers:
  INTEGER                               { $$ = qr_numbers_add(parse, (struct qr_numbers){0}, $INTEGER); }
| integers "," INTEGER                  { $$ = qr_numbers_add(parse, $1, $INTEGER); }
;
bound:
  number                                { $$ = qr_bound(parse, $number); }
| "none"                                { $$ = (struct qr_bound){0}; }
;
number:
  INTEGER
| DECIMAL
| "inf"                                 { $$ = (struct ast_number){.value = __builtin_inf(), .spelling = "inf", .span = @$}; }
| "nan"                                 { $$ = (struct ast_number){.value = __builtin_nan(""), .spelling = "nan", .span = @$}; }
;

/* ---- arguments ---- */
range_arguments:
  %empty                                { $$ = (struct argument_list){0}; }
| "(" arguments ")"                     { $$ = $arguments; }
;
arguments:
  %empty                                { $$ = (struct argument_list){0}; }
| some_arguments
;
some_arguments:
  argument                              { $$ = qr_argument_add(parse, (struct argument_list){0}, $argument); }
| some_arguments "," argument           { $$ = qr_argument_add(parse, $1, $argument); }
;
argument:
  value                                 { $$ = qr_argument(parse, no_name, $value); }
| key "=" value                         { $$ = qr_argument(parse, $key, $value); }
;
key:
  name
| key_word
| STRING                                { $$ = qr_name_of($STRING); }
;
key_word: "bias" | "inf" | "nan" ;
value:
  number                                { $$ = qr_value_number(parse, $number); }
| STRING                                { $$ = qr_value_string(parse, $STRING); }
| name                                  { $$ = qr_value_word(parse, $name); }
| "none"                                { $$ = qr_value_word(parse, $1); }
| name changes                          { $$ = qr_value_spec(parse, qr_spec(parse, $name, NULL, $changes, @$)); }
| definition tail                       { $$ = qr_value_spec(parse, qr_spec(parse, no_name, $definition, $tail, @$)); }
| "[" values "]"                        { $$ = qr_value_list(parse, $values, @$); }
;
values:
  %empty                                { $$ = (struct value_list){0}; }
| some_values
;
some_values:
  value                                 { $$ = value_list_add((struct value_list){0}, $value); }
| some_values "," value                 { $$ = value_list_add($1, $value); }
;

/* ---- configs ---- */
config_body:
  config_base "{" config_items "}"      { $$ = qr_config_base($config_items, $config_base); }
| "=" "none"                            { $$ = qr_config_null(parse); }
;
config_base:
  %empty                                { $$ = no_name; }
| "=" any_name                          { $$ = $any_name; }
;
config_items:
  %empty                                { $$ = qr_config(parse); }
| config_items slot                     { $$ = qr_config_slot(parse, $1, $slot); }
| config_items "schedule" any_name      { $$ = qr_config_schedule(parse, $1, $any_name, @2); }
| config_items "extra" FLOW             { $$ = qr_config_extra(parse, $1, $FLOW, @2); }
| config_items error SYNC               { yyerrok; }
;
slot:
  plain_slot
| "module" plain_slot                   { $$ = qr_module_slot($plain_slot, @$); }
;
plain_slot:
  role slot_value                       { $$ = qr_slot(parse, $role, (struct qr_key){0}, $slot_value, @$); }
| keyed_role slot_key slot_value        { $$ = qr_slot(parse, $keyed_role, $slot_key, $slot_value, @$); }
;
role:
  "weight"                              { $$ = SLOT_WEIGHT; }
| "bias"                                { $$ = SLOT_BIAS; }
;
keyed_role:
  "input"                               { $$ = SLOT_INPUT; }
| "output"                              { $$ = SLOT_OUTPUT; }
| "state"                               { $$ = SLOT_STATE; }
;
slot_key:
  %empty                                { $$ = (struct qr_key){0}; }
| "[" INTEGER "]"                       { $$ = qr_key_index(parse, $INTEGER); }
| "[" STRING "]"                        { $$ = qr_key_name($STRING); }
;
slot_value:
  spec
| "none"                                { $$ = NULL; }
;
schedule_block: "{" schedule_steps "}"  { $$ = $schedule_steps; } ;
schedule_steps:
  %empty                                { $$ = (struct argument_list){0}; }
| schedule_steps schedule_step          { $$ = qr_argument_add(parse, $1, $schedule_step); }
| schedule_steps error SYNC             { yyerrok; }
;
schedule_step: NAME schedule_value      { $$ = qr_schedule_step(parse, $NAME, $schedule_value); } ;
schedule_value:
  INTEGER                               { $$ = qr_value_number(parse, $INTEGER); }
| "none"                                { $$ = qr_value_word(parse, $1); }
;

/* ---- predicates: comparison binds tighter than not, not than and, and than or ---- */
predicate: disjuncts                    { $$ = qr_chain_end(parse, AST_OR, $disjuncts); } ;
disjuncts:
  conjunction                           { $$ = qr_chain(parse, NULL, $conjunction); }
| disjuncts "or" conjunction            { $$ = qr_chain(parse, $1, $conjunction); }
;
conjunction: conjuncts                  { $$ = qr_chain_end(parse, AST_AND, $conjuncts); } ;
conjuncts:
  negation                              { $$ = qr_chain(parse, NULL, $negation); }
| conjuncts "and" negation              { $$ = qr_chain(parse, $1, $negation); }
;
negation:
  primary
| "not" negation                        { $$ = qr_not(parse, $2, @$); }
;
primary:
  atom
| comparison
| "(" predicate ")"                     { $$ = qr_parentheses($predicate, @$); }
| any_name                              { $$ = qr_set_name(parse, $any_name); }
| "_"                                   { $$ = qr_any(parse, @$); }
;
atom:
  param_words STRING                    { $$ = qr_atom(parse, $param_words, $STRING, @$); }
| "under" "re" STRING                   { $$ = qr_atom(parse, qr_words(parse, $1, $2), $STRING, @$); }
| "under" "type" STRING                 { $$ = qr_atom(parse, qr_words(parse, $1, $2), $STRING, @$); }
| "contains" STRING                     { $$ = qr_atom(parse, $1, $STRING, @$); }
| "mpath" STRING                        { $$ = qr_atom(parse, $1, $STRING, @$); }
| "type" STRING                         { $$ = qr_atom(parse, $1, $STRING, @$); }
| "type" "re" STRING                    { $$ = qr_atom(parse, qr_words(parse, $1, $2), $STRING, @$); }
| "isa" STRING                          { $$ = qr_atom(parse, $1, $STRING, @$); }
| "op" STRING                           { $$ = qr_atom(parse, $1, $STRING, @$); }
| "opname" STRING                       { $$ = qr_atom(parse, $1, $STRING, @$); }
| "opname" "re" STRING                  { $$ = qr_atom(parse, qr_words(parse, $1, $2), $STRING, @$); }
| "tag" STRING                          { $$ = qr_atom(parse, $1, $STRING, @$); }
| "param" STRING                        { $$ = qr_atom(parse, $1, $STRING, @$); }
| "param" param_words STRING            { $$ = qr_atom(parse, qr_words(parse, $1, $2), $STRING, @$); }
| "role" role_word                      { $$ = qr_atom_word(parse, ATOM_role, $role_word, @$); }
| "dtype" NAME                          { $$ = qr_atom_word(parse, ATOM_dtype, $NAME, @$); }
;
param_words:
  "glob"
| "re"
| "re" NAME                             { $$ = qr_words(parse, $1, $NAME); }
| "name"
| "under"
;
role_word: "weight" | "bias" | "input" | "output" | "state" | NAME ;
comparison:
  term comparison_op term               { $$ = qr_compare(parse, $1, $comparison_op, $3, @$); }
| term "in" INTEGER ".." INTEGER        { $$ = qr_in(parse, $term, $3, $5, @$); }
;
term:
  term_base
| term_base "%" INTEGER                 { $$ = qr_term_modulus(parse, $term_base, $INTEGER, @$); }
;
term_base:
  INTEGER                               { $$ = qr_term(parse, AST_TERM_INTEGER, $INTEGER, @$); }
| "layer"                               { $$ = qr_term(parse, AST_TERM_LAYER, (struct ast_number){0}, @$); }
| "ndim"                                { $$ = qr_term(parse, AST_TERM_NDIM, (struct ast_number){0}, @$); }
| "numel"                               { $$ = qr_term(parse, AST_TERM_NUMEL, (struct ast_number){0}, @$); }
| "shape" "[" INTEGER "]"               { $$ = qr_term(parse, AST_TERM_SHAPE, $INTEGER, @$); }
;
comparison_op:
  "=="                                  { $$ = AST_EQ; }
| "!="                                  { $$ = AST_NE; }
| "<"                                   { $$ = AST_LT; }
| "<="                                  { $$ = AST_LE; }
| ">"                                   { $$ = AST_GT; }
| ">="                                  { $$ = AST_GE; }
;

/* ---- rules ---- */
policy:
  %empty                                { $$ = AST_FIRST; }
| NAME                                  { $$ = qr_policy(parse, $NAME, no_name); }
| NAME "compat" NAME                    { $$ = qr_policy(parse, $1, $3); }
;
rules:
  %empty                                { $$ = (struct rule_list){0}; }
| rules rule                            { $$ = rule_list_add($1, $rule); }
| rules error SYNC                      { yyerrok; }
;
rule:
  plain_rule                            { $$ = qr_rule_flags($1, no_name, (struct qr_flags){0}, @$); }
| flags plain_rule                      { $$ = qr_rule_flags($2, no_name, $flags, @$); }
| label plain_rule                      { $$ = qr_rule_flags($2, $label, (struct qr_flags){0}, @$); }
| label flags plain_rule                { $$ = qr_rule_flags($3, $label, $flags, @$); }
| "use" any_name                        { $$ = qr_use(parse, no_name, $any_name, @$); }
| label "use" any_name                  { $$ = qr_use(parse, $label, $any_name, @$); }
;
label: any_name ":" ;
flags:
  "disabled"                            { $$ = (struct qr_flags){.disabled = true}; }
| "optional"                            { $$ = (struct qr_flags){.optional = true}; }
| "disabled" "optional"                 { $$ = (struct qr_flags){true, true}; }
;
plain_rule: predicate "=>" target       { $$ = qr_rule_predicate($target, $predicate); } ;
target:
  any_name                              { $$ = qr_rule(parse, AST_TARGET_CONFIG, $any_name); }
| "skip"                                { $$ = qr_rule(parse, AST_TARGET_SKIP, no_name); }
| "spec" any_name                       { $$ = qr_rule(parse, AST_TARGET_SPEC, $any_name); }
;

/* ---- prepare, algorithm, expect ---- */
steps_block: "{" steps "}"              { $$ = $steps; } ;
steps:
  %empty                                { $$ = (struct step_list){0}; }
| steps step                            { $$ = step_list_add($1, $step); }
| steps error SYNC                      { yyerrok; }
;
step:
  NAME where                            { $$ = qr_step(parse, $NAME, (struct argument_list){0}, $where, @$); }
| NAME "(" arguments ")" where          { $$ = qr_step(parse, $NAME, $arguments, $where, @$); }
;
where:
  %empty                                { $$ = NULL; }
| "where" predicate                     { $$ = $predicate; }
;
expects:
  %empty                                { $$ = (struct expect_list){0}; }
| expects expectation                   { $$ = expect_list_add($1, $expectation); }
| expects error SYNC                    { yyerrok; }
;
expectation:
  STRING "=>" expect_target             { $$ = qr_expect($3, AST_EXPECT_MODULE, $STRING, @$); }
| "param" STRING "=>" expect_target     { $$ = qr_expect($4, AST_EXPECT_PARAM, $STRING, @$); }
| quantity comparison_op number         { $$ = qr_expect_quantity(parse, $quantity, $comparison_op, $number, @$); }
;
quantity: NAME ;
expect_target:
  any_name                              { $$ = qr_expect_target(parse, AST_TARGET_CONFIG, false, $any_name); }
| "skip"                                { $$ = qr_expect_target(parse, AST_TARGET_SKIP, false, no_name); }
| "none"                                { $$ = qr_expect_target(parse, AST_TARGET_CONFIG, true, no_name); }
;
%%

/* ---- the table of tokens ---- */

/* Each group's last symbol, in the order of %token. */
static const struct {
    yysymbol_kind_t last;
    enum qr_group group;
} group_ends[] = {
    {YYSYMBOL_YYUNDEF, QR_OTHER},   {YYSYMBOL_EXPECT, QR_DECL}, {YYSYMBOL_EXTRA, QR_SLOT}, {YYSYMBOL_EPS, QR_ATTRIBUTE},
    {YYSYMBOL_DTYPE, QR_ATOM},      {YYSYMBOL_SHAPE, QR_TERM},  {YYSYMBOL_ANY, QR_OPERATOR}, {YYSYMBOL_NAN, QR_CONTEXT},
    {YYSYMBOL_GE, QR_COMPARISON},   {YYSYMBOL_SYNC, QR_OTHER},
};

static struct qr_token_info describe(yysymbol_kind_t symbol)
{
    size_t i = 0;
    while (i + 1 < sizeof group_ends / sizeof *group_ends && symbol > group_ends[i].last)
        i++;
    return (struct qr_token_info){yysymbol_name(symbol), group_ends[i].group};
}

bool qr_keyword(unsigned index, struct qr_token_info *info, int *token)
{
    if (index > YYSYMBOL_NAN - YYSYMBOL_RECIPE)
        return false;
    *info = describe((yysymbol_kind_t)(YYSYMBOL_RECIPE + (int)index));
    *token = T_RECIPE + (int)index;
    return true;
}

enum { EXPECTED_MAX = 128 };

static int yyreport_syntax_error(const yypcontext_t *context, struct qr_parse *parse)
{
    yysymbol_kind_t symbols[EXPECTED_MAX];
    struct qr_token_info expected[EXPECTED_MAX];
    int count = yypcontext_expected_tokens(context, symbols, EXPECTED_MAX);
    for (int i = 0; i < count; i++)
        expected[i] = describe(symbols[i]);
    bool at_end = yypcontext_token(context) == YYSYMBOL_YYEOF;
    qr_syntax_error(parse, *yypcontext_location(context), at_end, expected, (size_t)(count > 0 ? count : 0));
    return 0;
}

/* Only the parser's own stack limit comes here. */
static void qr_parse_error(const struct span *span, struct qr_parse *parse, const char *message)
{
    (void)message;
    qr_too_deep(parse, *span);
}
