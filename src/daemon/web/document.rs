//! The routes as an OpenAPI 3.1 document, put together from their declarations.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::ToSchema;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ComponentsBuilder, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, InfoBuilder, OpenApiBuilder, Ref, RefOr, Required, ServerBuilder};

use super::api::{BASE, Route};
use super::gate::{COOKIE_NAME, CSRF_HEADER};
use super::problem::Problem;
use crate::daemon::users::Scope;

/// What is sent, one way or the other.
pub struct Shape {
    status: StatusCode,
    content: Option<(&'static str, RefOr<Schema>)>,
    /// The types that it is made of.
    types: Vec<(String, RefOr<Schema>)>,
}

impl Shape {
    pub fn one<T: ToSchema>(status: StatusCode) -> Shape {
        let named = RefOr::Ref(Ref::from_schema_name(T::name()));
        Shape { status, content: Some((JSON, named)), types: types::<T>() }
    }

    pub fn many<T: ToSchema>() -> Shape {
        let items = Ref::from_schema_name(T::name());
        let list = RefOr::T(Schema::Array(ArrayBuilder::new().items(items).build()));
        Shape { status: StatusCode::OK, content: Some((JSON, list)), types: types::<T>() }
    }

    pub fn nothing() -> Shape {
        Shape { status: StatusCode::NO_CONTENT, content: None, types: Vec::new() }
    }

    pub fn sound() -> Shape {
        let octets = RefOr::T(Schema::Object(Object::with_type(Type::String)));
        Shape { status: StatusCode::OK, content: Some(("audio/wav", octets)), types: Vec::new() }
    }

    /// Text of this kind.
    pub fn text(kind: &'static str) -> Shape {
        let text = RefOr::T(Schema::Object(Object::with_type(Type::String)));
        Shape { status: StatusCode::OK, content: Some((kind, text)), types: Vec::new() }
    }

    /// JSON of which nothing more is said.
    pub fn object() -> Shape {
        let object = RefOr::T(Schema::Object(ObjectBuilder::new().build()));
        Shape { status: StatusCode::OK, content: Some((JSON, object)), types: Vec::new() }
    }
}

const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";

fn types<T: ToSchema>() -> Vec<(String, RefOr<Schema>)> {
    let mut types = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut types);
    types
}

#[derive(Default)]
pub struct Document {
    paths: BTreeMap<&'static str, PathItem>,
    types: BTreeMap<String, RefOr<Schema>>,
}

impl Document {
    pub fn add(
        &mut self,
        route: &Route,
        summary: &str,
        query: Vec<Parameter>,
        takes: Option<Shape>,
        gives: Shape,
    ) {
        let mut operation = OperationBuilder::new()
            .summary(Some(summary))
            .operation_id(Some(name(route)))
            .tag(route.path.split('/').nth(1).unwrap_or_default());
        let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        for name in in_path {
            operation = operation.parameter(
                ParameterBuilder::new()
                    .name(name)
                    .parameter_in(ParameterIn::Path)
                    .required(Required::True)
                    .schema(Some(Object::with_type(Type::String))),
            );
        }
        for parameter in query {
            operation = operation.parameter(parameter);
        }
        if let Some(takes) = takes {
            let content = takes.content.map(|(_, schema)| schema);
            let body = RequestBodyBuilder::new()
                .content(JSON, ContentBuilder::new().schema(content).build())
                .required(Some(Required::True));
            operation = operation.request_body(Some(body.build()));
            self.types.extend(takes.types);
        }
        let mut good =
            ResponseBuilder::new().description(gives.status.canonical_reason().unwrap_or_default());
        if let Some((kind, schema)) = gives.content {
            good = good.content(kind, ContentBuilder::new().schema(Some(schema)).build());
        }
        self.types.extend(gives.types);
        operation = operation.response(gives.status.as_str(), good.build());
        let bad = ResponseBuilder::new()
            .description("Why not")
            .content(
                PROBLEM_JSON,
                ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build(),
            )
            .build();
        operation = operation.response("default", bad);
        if let Some(rule) = &route.rule {
            let session = if route.method.is_safe() {
                SecurityRequirement::new::<_, _, String>("session", [])
            } else {
                SecurityRequirement::new::<_, _, String>("session", []).add::<_, _, String>("csrf", [])
            };
            operation = operation
                .description(Some(rule.words()))
                .security(session)
                .security(SecurityRequirement::new("token", rule.scope.map(|scope| scope.name())));
        }
        let method = match route.method.as_str() {
            "POST" => HttpMethod::Post,
            "PUT" => HttpMethod::Put,
            "PATCH" => HttpMethod::Patch,
            "DELETE" => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        let item = PathItem::new(method, operation.build());
        self.paths.entry(route.path).or_default().merge_operations(item);
    }

    pub fn text(mut self) -> String {
        self.types.extend(types::<Problem>());
        let mut paths = PathsBuilder::new();
        for (path, item) in self.paths {
            paths = paths.path(path, item);
        }
        let scopes: Vec<String> =
            Scope::ALL.iter().map(|scope| format!("- `{scope}`: {}", scope.about())).collect();
        let about = format!("{ABOUT}\n\nThe scopes of tokens:\n\n{}", scopes.join("\n"));
        let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE_NAME));
        let csrf = ApiKey::Header(ApiKeyValue::new(CSRF_HEADER));
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = self
            .types
            .into_iter()
            .fold(ComponentsBuilder::new(), |all, (name, schema)| all.schema(name, schema))
            .security_scheme("session", SecurityScheme::ApiKey(cookie))
            .security_scheme("csrf", SecurityScheme::ApiKey(csrf))
            .security_scheme("token", SecurityScheme::Http(token));
        let info =
            InfoBuilder::new().title("Hotline").version(env!("CARGO_PKG_VERSION")).description(Some(about));
        let document = OpenApiBuilder::new()
            .info(info)
            .servers(Some([ServerBuilder::new().url(BASE).build()]))
            .paths(paths)
            .components(Some(components.build()))
            .build();
        // Its types have no keys that JSON has not.
        document.to_json().unwrap_or_default()
    }
}

const ABOUT: &str = "Everything that the page does, for a bank's own programs.\n\n\
    A browser signs in by `POST /session` and has a cookie from then on; with each change it sends the word that the answer \
    holds (`csrf`) as `X-CSRF-Token`. A program has a token: `Authorization: Bearer hlt_…`.\n\n\
    Times are RFC 3339 in UTC. Customers' numbers are shown to supervisors, and to agents those of their own calls and \
    messages; everybody else sees them masked, as everybody does whom the caller withheld the number from. What went wrong is \
    told as RFC 9457 has it; 409 means that the hotline understood and will not, and `detail` says why.";

/// `listAgents` for `GET /agents`: unique, since path and method are.
fn name(route: &Route) -> String {
    let mut name = route.method.as_str().to_lowercase();
    for part in route.path.split(['/', '-']).filter(|part| !part.is_empty()) {
        let word = part.trim_matches(['{', '}']);
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        name.push_str(&first.to_uppercase());
        name.push_str(rest);
    }
    name
}
