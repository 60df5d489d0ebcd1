//! What SQL reads and writes: its tables, narrowed to rows where a column equals a value.

use std::{collections::BTreeSet, ops::ControlFlow};

use sqlparser::{
    ast::{
        Assignment, AssignmentTarget, BinaryOperator, Delete, Expr, FromTable, Function,
        FunctionArg, FunctionArgExpr, FunctionArguments, Insert, LockType, ObjectName, Query,
        Select, Set, SetExpr, Statement, TableFactor, TableObject, TableWithJoins,
        UpdateTableFromKind, Value, Visit, Visitor,
    },
    parser::Parser,
    tokenizer::Token,
};

use super::{
    bound::Dialect,
    functions::{self, Effect},
    words,
};
use crate::access::{Access, Resource, Row, TransactionStep};

/// Operators of a statement that is still parsed. Each may be a level of a tree, and the stack of a thread is not endless.
const MOST_OPERATORS: usize = 250;
/// Tokens of a statement that is still parsed.
const MOST_TOKENS: usize = 50_000;
/// Rows of an INSERT that are told apart.
const MOST_ROWS: usize = 64;

/// It touches nothing.
pub(super) fn nothing() -> Access {
    Access::Touches {
        reads: BTreeSet::new(),
        writes: BTreeSet::new(),
    }
}

/// What two statements touch that come as one.
pub(super) fn both(one: Access, other: Access) -> Access {
    match (one, other) {
        (
            Access::Touches {
                mut reads,
                mut writes,
            },
            Access::Touches {
                reads: more_reads,
                writes: more_writes,
            },
        ) => {
            reads.extend(more_reads);
            writes.extend(more_writes);
            Access::Touches { reads, writes }
        }
        (touches @ Access::Touches { .. }, Access::Transaction(TransactionStep::Begin))
        | (Access::Transaction(TransactionStep::Begin), touches @ Access::Touches { .. }) => {
            touches
        }
        _ => Access::Unknown,
    }
}

/// What the statements in `tokens` touch.
pub(super) fn of(dialect: Dialect, tokens: Vec<Token>) -> Access {
    if tokens.len() > MOST_TOKENS || operators(&tokens) > MOST_OPERATORS {
        return Access::Unknown;
    }
    let parser = Parser::new(words::syntax(dialect)).with_tokens(tokens);
    let Ok(statements) = { parser }.parse_statements() else {
        return Access::Unknown;
    };
    match statements.as_slice() {
        [one] => of_statement(one),
        several => several.iter().map(of_statement).fold(nothing(), whole_then),
    }
}

/// `both`, but a transaction that begins and ends in one text is no step of its connection.
fn whole_then(before: Access, next: Access) -> Access {
    match (before, next) {
        (before @ Access::Touches { .. }, Access::Transaction(_)) => before,
        (before, next) => both(before, next),
    }
}

fn operators(tokens: &[Token]) -> usize {
    let is_operator = |token: &&Token| match token {
        Token::Word(word) if word.quote_style.is_none() => {
            ["AND", "OR", "UNION", "EXCEPT", "INTERSECT", "NOT", "JOIN"]
                .iter()
                .any(|operator| word.value.eq_ignore_ascii_case(operator))
        }
        Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::StringConcat
        | Token::LBracket => true,
        _ => false,
    };
    tokens.iter().filter(is_operator).count()
}

fn of_statement(statement: &Statement) -> Access {
    match statement {
        Statement::StartTransaction { statements, .. } if statements.is_empty() => {
            Access::Transaction(TransactionStep::Begin)
        }
        Statement::Commit { .. } => Access::Transaction(TransactionStep::Commit),
        Statement::Rollback {
            savepoint: None, ..
        } => Access::Transaction(TransactionStep::Rollback),
        // Back to a savepoint: what is undone was never seen by anybody else.
        Statement::Rollback { .. }
        | Statement::Savepoint { .. }
        | Statement::ReleaseSavepoint { .. }
        | Statement::Use(_)
        | Statement::ShowVariable { .. }
        | Statement::ShowVariables { .. }
        | Statement::Deallocate { .. }
        | Statement::Discard { .. }
        | Statement::LISTEN { .. } => nothing(),
        Statement::Set(set) => of_set(set),
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update { .. }
        | Statement::Delete(_) => {
            let mut touched = Touched::default();
            let _ = statement.visit(&mut touched);
            touched.into_access()
        }
        Statement::Truncate { table_names, .. } => Access::Touches {
            reads: BTreeSet::new(),
            writes: table_names
                .iter()
                .map(|table| table_of(&table.name, None))
                .collect(),
        },
        _ => Access::Unknown,
    }
}

fn of_set(set: &Set) -> Access {
    if let Set::SingleAssignment {
        variable, values, ..
    } = set
        && last(variable) == "autocommit"
    {
        let off = values.first().is_some_and(|value| {
            let value = value.to_string();
            value == "0" || value.eq_ignore_ascii_case("off") || value.eq_ignore_ascii_case("false")
        });
        return Access::Transaction(if off {
            TransactionStep::Begin
        } else {
            TransactionStep::Commit
        });
    }
    nothing()
}

/// What was found so far.
#[derive(Default)]
struct Touched {
    reads: BTreeSet<Resource>,
    writes: BTreeSet<Resource>,
    unknown: bool,
}

impl Visitor for Touched {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        match statement {
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update {
                table,
                assignments,
                from,
                selection,
                ..
            } => self.update(table, assignments, from.as_ref(), selection.as_ref()),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Query(_) => {}
            // A merge, a call: nothing is known of them.
            _ => self.unknown = true,
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let locks = query
            .locks
            .iter()
            .any(|lock| lock.lock_type == LockType::Update);
        self.set_expression(&query.body, locks);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table {
            name,
            args: Some(_),
            ..
        } = factor
            && functions::effect(&last(name)) != Effect::None
        {
            self.unknown = true;
        }
        ControlFlow::Continue(())
    }

    /// A relation that nothing above has narrowed is read as a whole.
    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let table = table_of(relation, None);
        let known = |set: &BTreeSet<Resource>| set.iter().any(|one| one.name == table.name);
        if !known(&self.reads) && !known(&self.writes) {
            self.reads.insert(table);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expression {
            let word = match functions::effect(&last(&function.name)) {
                Effect::None => return ControlFlow::Continue(()),
                Effect::Lock => "lock",
                Effect::Sequence => "sequence",
                Effect::Unknown => {
                    self.unknown = true;
                    return ControlFlow::Continue(());
                }
            };
            match first_argument(function) {
                Some(name) => self.writes.extend([Resource {
                    name: format!("{word} {name}"),
                    row: None,
                }]),
                None => self.unknown = true,
            }
        }
        ControlFlow::Continue(())
    }
}

impl Touched {
    fn into_access(self) -> Access {
        if self.unknown {
            return Access::Unknown;
        }
        Access::Touches {
            reads: self.reads,
            writes: self.writes,
        }
    }

    fn set_expression(&mut self, body: &SetExpr, locks: bool) {
        match body {
            SetExpr::Select(select) => self.select(select, locks),
            SetExpr::SetOperation { left, right, .. } => {
                self.set_expression(left, locks);
                self.set_expression(right, locks);
            }
            // Visited by themselves.
            SetExpr::Query(_) | SetExpr::Values(_) => {}
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) => {}
            SetExpr::Merge(_) => self.unknown = true,
            SetExpr::Table(_) => self.unknown = true,
        }
    }

    fn select(&mut self, select: &Select, locks: bool) {
        if let Some(into) = &select.into {
            self.writes.insert(table_of(&into.name, None));
        }
        let read = rows(&select.from, select.selection.as_ref());
        if locks {
            self.writes.extend(read.iter().cloned());
        }
        self.reads.extend(read);
    }

    fn insert(&mut self, insert: &Insert) {
        let TableObject::TableName(name) = &insert.table else {
            self.unknown = true;
            return;
        };
        let looks = insert.on.is_some() || insert.ignore || insert.replace_into;
        let written = inserted(insert).map_or_else(
            || BTreeSet::from([table_of(name, None)]),
            |rows| rows.into_iter().map(|row| table_of(name, row)).collect(),
        );
        if looks {
            self.reads.extend(written.iter().cloned());
        }
        self.writes.extend(written);
    }

    fn update(
        &mut self,
        table: &TableWithJoins,
        assignments: &[Assignment],
        from: Option<&UpdateTableFromKind>,
        selection: Option<&Expr>,
    ) {
        let mut tables = vec![table.clone()];
        if let Some(UpdateTableFromKind::BeforeSet(more) | UpdateTableFromKind::AfterSet(more)) =
            from
        {
            tables.extend(more.iter().cloned());
        }
        let mut touched = rows(&tables, selection);
        // A row that is moved to another value of its own column is found under both.
        let moved = |resource: &Resource| {
            let column = resource.row.as_ref().map(|row| row.column.as_str());
            column.is_some_and(|column| assignments.iter().any(|one| assigns(one, column)))
        };
        if touched.iter().any(moved) {
            touched = touched
                .into_iter()
                .map(|one| Resource { row: None, ..one })
                .collect();
        }
        self.reads.extend(touched.iter().cloned());
        if tables.len() == 1 && table.joins.is_empty() {
            self.writes.extend(touched);
        } else {
            self.writes
                .extend(touched.into_iter().map(|one| Resource { row: None, ..one }));
        }
    }

    fn delete(&mut self, delete: &Delete) {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let mut tables = from.clone();
        tables.extend(delete.using.iter().flatten().cloned());
        let touched = rows(&tables, delete.selection.as_ref());
        self.reads.extend(touched.iter().cloned());
        self.writes.extend(touched);
        self.writes
            .extend(delete.tables.iter().map(|name| table_of(name, None)));
    }
}

/// The rows of the named tables that the condition leaves.
fn rows(from: &[TableWithJoins], condition: Option<&Expr>) -> BTreeSet<Resource> {
    let mut named = Vec::new();
    let mut conditions = Vec::new();
    for table in from {
        named.extend(named_table(&table.relation));
        for join in &table.joins {
            named.extend(named_table(&join.relation));
        }
    }
    if let Some(condition) = condition {
        conjuncts(condition, &mut conditions);
    }
    let alone = named.len() == 1;
    named
        .iter()
        .map(|(name, alias)| {
            let found = conditions
                .iter()
                .filter_map(|condition| equality(condition, alias, alone));
            table_of(name, best(found))
        })
        .collect()
}

/// A table and the name its columns are called by.
fn named_table(factor: &TableFactor) -> Option<(&ObjectName, String)> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } => {
            let called = alias
                .as_ref()
                .map_or_else(|| last(name), |alias| alias.name.value.to_lowercase());
            Some((name, called))
        }
        _ => None,
    }
}

fn conjuncts<'a>(condition: &'a Expr, found: &mut Vec<&'a Expr>) {
    match condition {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            conjuncts(left, found);
            conjuncts(right, found);
        }
        Expr::Nested(inner) => conjuncts(inner, found),
        other => found.push(other),
    }
}

/// The row that `column = value` names in the table called `alias`.
fn equality(condition: &Expr, alias: &str, alone: bool) -> Option<Row> {
    let (column, value) = match condition {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } => match (column(left, alias, alone), value(right)) {
            (Some(column), Some(value)) => (column, value),
            _ => (column(right, alias, alone)?, value(left)?),
        },
        // One value is an equality; several would need several rows.
        Expr::InList {
            expr,
            list,
            negated: false,
        } if list.len() == 1 => (column(expr, alias, alone)?, value(&list[0])?),
        _ => return None,
    };
    Some(Row { column, value })
}

fn column(expression: &Expr, alias: &str, alone: bool) -> Option<String> {
    match expression {
        Expr::Identifier(name) if alone => Some(name.value.to_lowercase()),
        Expr::CompoundIdentifier(names) => match names.as_slice() {
            [.., table, name] if table.value.to_lowercase() == alias => {
                Some(name.value.to_lowercase())
            }
            _ => None,
        },
        Expr::Nested(inner) => column(inner, alias, alone),
        _ => None,
    }
}

/// A literal or bound value, as two statements have to spell it alike. Letter case and blanks at the end are dropped: a collation
/// may ignore them, and two rows taken for one cost an order, not a finding.
fn value(expression: &Expr) -> Option<String> {
    let value = match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.clone(),
            Value::Boolean(yes) => u8::from(*yes).to_string(),
            Value::Null | Value::Placeholder(_) => return None,
            other => other.clone().into_string()?,
        },
        Expr::Cast { expr, .. } => value(expr)?,
        Expr::Nested(inner) => value(inner)?,
        _ => return None,
    };
    let value = value.trim_end().to_lowercase();
    // `7`, `'7'`, `7.0` and `'07'` may be one number.
    let number = value
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite() && number.abs() < 1e15);
    Some(number.map_or(value, |number| number.to_string()))
}

/// The equality that most likely names one row: of a key rather than of a flag.
fn best(found: impl Iterator<Item = Row>) -> Option<Row> {
    let rank = |row: &Row| {
        let flag = matches!(row.value.as_str(), "0" | "1" | "");
        let key = [
            "id", "key", "token", "code", "phone", "mobile", "hash", "sid", "session",
        ]
        .iter()
        .any(|word| row.column.ends_with(word));
        (
            u8::from(flag && !row.column.ends_with("id")),
            u8::from(!key),
        )
    };
    found.min_by_key(rank)
}

/// The row each tuple of an INSERT makes; `None` if they cannot be told.
fn inserted(insert: &Insert) -> Option<Vec<Option<Row>>> {
    let pairs = |columns: &mut dyn Iterator<Item = (String, &Expr)>| {
        best(columns.filter_map(|(column, expression)| {
            let value = value(expression)?;
            Some(Row { column, value })
        }))
    };
    if !insert.assignments.is_empty() {
        let mut columns = insert
            .assignments
            .iter()
            .filter_map(|one| match &one.target {
                AssignmentTarget::ColumnName(name) => Some((last(name), &one.value)),
                AssignmentTarget::Tuple(_) => None,
            });
        return Some(vec![pairs(&mut columns)]);
    }
    let SetExpr::Values(values) = insert.source.as_ref()?.body.as_ref() else {
        return None;
    };
    if values.rows.len() > MOST_ROWS {
        return None;
    }
    let rows = values.rows.iter().map(|row| {
        let names = insert.columns.iter().map(|name| name.value.to_lowercase());
        pairs(&mut names.zip(row))
    });
    Some(rows.collect())
}

fn assigns(assignment: &Assignment, column: &str) -> bool {
    match &assignment.target {
        AssignmentTarget::ColumnName(name) => last(name) == column,
        AssignmentTarget::Tuple(names) => names.iter().any(|name| last(name) == column),
    }
}

fn first_argument(function: &Function) -> Option<String> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    match list.args.first()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => value(expression),
        _ => None,
    }
}

/// The last name of a path, lower case.
fn last(name: &ObjectName) -> String {
    let ident = name.0.last().and_then(|part| part.as_ident());
    ident.map_or_else(
        || name.to_string().to_lowercase(),
        |ident| ident.value.to_lowercase(),
    )
}

fn table_of(name: &ObjectName, row: Option<Row>) -> Resource {
    Resource {
        name: last(name),
        row,
    }
}
