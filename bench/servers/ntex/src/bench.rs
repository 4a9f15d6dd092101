#![allow(
    dead_code,
    unused_mut,
    unused_variables,
    clippy::identity_op,
    clippy::too_many_lines,
    clippy::derivable_impls,
    clippy::unit_arg,
    clippy::derive_partial_eq_without_eq,
    clippy::manual_range_patterns,
    clippy::default_trait_access,
    clippy::semicolon_if_nothing_returned,
    clippy::doc_markdown,
    clippy::wildcard_imports
)]
//! DO NOT MODIFY. Auto-generated file

///  Bytes that mean nothing.
#[derive(Clone, PartialEq, Debug)]
pub struct Blob {
    pub body: ::ntex_grpc::Bytes,
}

///  What a server stream consists of.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    ///  How many messages.
    pub count: u32,
    ///  How many bytes the body of each has.
    pub size: u32,
}

///  What was received.
#[derive(Clone, PartialEq, Debug)]
pub struct Sum {
    ///  How many messages or records.
    pub count: u64,
    ///  How many bytes their bodies had together.
    pub bytes: u64,
}

///  Records of a log, as a collector gets them.
#[derive(Clone, PartialEq, Debug)]
pub struct Logs {
    pub logs: Vec<Log>,
}

///  One record of a log.
#[derive(Clone, PartialEq, Debug)]
pub struct Log {
    pub time_unix_nano: u64,
    pub severity: u32,
    pub body: ::ntex_grpc::ByteString,
    pub trace_id: ::ntex_grpc::Bytes,
    pub span_id: ::ntex_grpc::Bytes,
    pub attributes: Vec<Attribute>,
}

///  A name and what it stands for.
#[derive(Clone, PartialEq, Debug)]
pub struct Attribute {
    pub key: ::ntex_grpc::ByteString,
    pub value: Option<attribute::Value>,
}

/// Nested message and enum types in `Attribute`.
pub mod attribute {
    #[derive(Clone, PartialEq, Debug)]
    pub enum Value {
        Text(::ntex_grpc::ByteString),
        Number(i64),
        Real(f64),
        Flag(bool),
    }
}

/// `Bench` service definition
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bench;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenchMethods {
    Echo(BenchEchoMethod),
    Down(BenchDownMethod),
    Up(BenchUpMethod),
    Both(BenchBothMethod),
    Wait(BenchWaitMethod),
    Burn(BenchBurnMethod),
    Record(BenchRecordMethod),
}

///  What a framework is measured by, beside the greeting: one method per way a call can cost.
#[derive(Debug, Clone)]
pub struct BenchClient<T>(T);

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct BenchEchoMethod;

impl ::ntex_grpc::MethodDef for BenchEchoMethod {
    const NAME: &'static str = "Echo";
    const PATH: ::ntex_grpc::ByteString = ::ntex_grpc::ByteString::from_static("/bench.Bench/Echo");
    type Input = Blob;
    type Output = Blob;
    const CLIENT_STREAMING: bool = false;
    const SERVER_STREAMING: bool = false;
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct BenchDownMethod;

impl ::ntex_grpc::MethodDef for BenchDownMethod {
    const NAME: &'static str = "Down";
    const PATH: ::ntex_grpc::ByteString = ::ntex_grpc::ByteString::from_static("/bench.Bench/Down");
    type Input = Plan;
    type Output = Blob;
    const CLIENT_STREAMING: bool = false;
    const SERVER_STREAMING: bool = true;
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct BenchUpMethod;

impl ::ntex_grpc::MethodDef for BenchUpMethod {
    const NAME: &'static str = "Up";
    const PATH: ::ntex_grpc::ByteString = ::ntex_grpc::ByteString::from_static("/bench.Bench/Up");
    type Input = Blob;
    type Output = Sum;
    const CLIENT_STREAMING: bool = true;
    const SERVER_STREAMING: bool = false;
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct BenchBothMethod;

impl ::ntex_grpc::MethodDef for BenchBothMethod {
    const NAME: &'static str = "Both";
    const PATH: ::ntex_grpc::ByteString = ::ntex_grpc::ByteString::from_static("/bench.Bench/Both");
    type Input = Blob;
    type Output = Blob;
    const CLIENT_STREAMING: bool = true;
    const SERVER_STREAMING: bool = true;
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct BenchWaitMethod;

impl ::ntex_grpc::MethodDef for BenchWaitMethod {
    const NAME: &'static str = "Wait";
    const PATH: ::ntex_grpc::ByteString = ::ntex_grpc::ByteString::from_static("/bench.Bench/Wait");
    type Input = Blob;
    type Output = Blob;
    const CLIENT_STREAMING: bool = false;
    const SERVER_STREAMING: bool = false;
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct BenchBurnMethod;

impl ::ntex_grpc::MethodDef for BenchBurnMethod {
    const NAME: &'static str = "Burn";
    const PATH: ::ntex_grpc::ByteString = ::ntex_grpc::ByteString::from_static("/bench.Bench/Burn");
    type Input = Blob;
    type Output = Blob;
    const CLIENT_STREAMING: bool = false;
    const SERVER_STREAMING: bool = false;
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct BenchRecordMethod;

impl ::ntex_grpc::MethodDef for BenchRecordMethod {
    const NAME: &'static str = "Record";
    const PATH: ::ntex_grpc::ByteString =
        ::ntex_grpc::ByteString::from_static("/bench.Bench/Record");
    type Input = Logs;
    type Output = Sum;
    const CLIENT_STREAMING: bool = false;
    const SERVER_STREAMING: bool = false;
}

mod _priv_impl_bench {
    use super::*;

    impl ::ntex_grpc::Message for Blob {
        #[inline]
        fn write(&self, dst: &mut ::ntex_grpc::BytePages) {
            ::ntex_grpc::NativeType::serialize(
                &self.body,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
        }

        #[inline]
        fn read(
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<Self, ::ntex_grpc::DecodeError> {
            let mut msg = Self::default();
            ::ntex_grpc::Message::merge_from(&mut msg, src)?;
            Ok(msg)
        }

        #[inline]
        fn merge_from(
            &mut self,
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<(), ::ntex_grpc::DecodeError> {
            const STRUCT_NAME: &str = "Blob";
            while !src.is_empty() {
                let (tag, wire_type) = ::ntex_grpc::encoding::decode_key(src)?;
                match tag {
                    1 => ::ntex_grpc::NativeType::deserialize(&mut self.body, tag, wire_type, src)
                        .map_err(|err| err.push(STRUCT_NAME, "body"))?,
                    _ => ::ntex_grpc::encoding::skip_field(wire_type, tag, src)?,
                }
            }
            Ok(())
        }

        #[inline]
        fn encoded_len(&self) -> usize {
            0 + ::ntex_grpc::NativeType::serialized_len(
                &self.body,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
            )
        }
    }

    impl ::std::default::Default for Blob {
        #[inline]
        fn default() -> Self {
            Self {
                body: ::core::default::Default::default(),
            }
        }
    }

    impl ::ntex_grpc::Message for Plan {
        #[inline]
        fn write(&self, dst: &mut ::ntex_grpc::BytePages) {
            ::ntex_grpc::NativeType::serialize(
                &self.count,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
            ::ntex_grpc::NativeType::serialize(
                &self.size,
                2,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
        }

        #[inline]
        fn read(
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<Self, ::ntex_grpc::DecodeError> {
            let mut msg = Self::default();
            ::ntex_grpc::Message::merge_from(&mut msg, src)?;
            Ok(msg)
        }

        #[inline]
        fn merge_from(
            &mut self,
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<(), ::ntex_grpc::DecodeError> {
            const STRUCT_NAME: &str = "Plan";
            while !src.is_empty() {
                let (tag, wire_type) = ::ntex_grpc::encoding::decode_key(src)?;
                match tag {
                    1 => ::ntex_grpc::NativeType::deserialize(&mut self.count, tag, wire_type, src)
                        .map_err(|err| err.push(STRUCT_NAME, "count"))?,
                    2 => ::ntex_grpc::NativeType::deserialize(&mut self.size, tag, wire_type, src)
                        .map_err(|err| err.push(STRUCT_NAME, "size"))?,
                    _ => ::ntex_grpc::encoding::skip_field(wire_type, tag, src)?,
                }
            }
            Ok(())
        }

        #[inline]
        fn encoded_len(&self) -> usize {
            0 + ::ntex_grpc::NativeType::serialized_len(
                &self.count,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
            ) + ::ntex_grpc::NativeType::serialized_len(
                &self.size,
                2,
                ::ntex_grpc::types::DefaultValue::Default,
            )
        }
    }

    impl ::std::default::Default for Plan {
        #[inline]
        fn default() -> Self {
            Self {
                count: ::core::default::Default::default(),
                size: ::core::default::Default::default(),
            }
        }
    }

    impl ::ntex_grpc::Message for Sum {
        #[inline]
        fn write(&self, dst: &mut ::ntex_grpc::BytePages) {
            ::ntex_grpc::NativeType::serialize(
                &self.count,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
            ::ntex_grpc::NativeType::serialize(
                &self.bytes,
                2,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
        }

        #[inline]
        fn read(
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<Self, ::ntex_grpc::DecodeError> {
            let mut msg = Self::default();
            ::ntex_grpc::Message::merge_from(&mut msg, src)?;
            Ok(msg)
        }

        #[inline]
        fn merge_from(
            &mut self,
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<(), ::ntex_grpc::DecodeError> {
            const STRUCT_NAME: &str = "Sum";
            while !src.is_empty() {
                let (tag, wire_type) = ::ntex_grpc::encoding::decode_key(src)?;
                match tag {
                    1 => ::ntex_grpc::NativeType::deserialize(&mut self.count, tag, wire_type, src)
                        .map_err(|err| err.push(STRUCT_NAME, "count"))?,
                    2 => ::ntex_grpc::NativeType::deserialize(&mut self.bytes, tag, wire_type, src)
                        .map_err(|err| err.push(STRUCT_NAME, "bytes"))?,
                    _ => ::ntex_grpc::encoding::skip_field(wire_type, tag, src)?,
                }
            }
            Ok(())
        }

        #[inline]
        fn encoded_len(&self) -> usize {
            0 + ::ntex_grpc::NativeType::serialized_len(
                &self.count,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
            ) + ::ntex_grpc::NativeType::serialized_len(
                &self.bytes,
                2,
                ::ntex_grpc::types::DefaultValue::Default,
            )
        }
    }

    impl ::std::default::Default for Sum {
        #[inline]
        fn default() -> Self {
            Self {
                count: ::core::default::Default::default(),
                bytes: ::core::default::Default::default(),
            }
        }
    }

    impl ::ntex_grpc::Message for Logs {
        #[inline]
        fn write(&self, dst: &mut ::ntex_grpc::BytePages) {
            ::ntex_grpc::NativeType::serialize(
                &self.logs,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
        }

        #[inline]
        fn read(
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<Self, ::ntex_grpc::DecodeError> {
            let mut msg = Self::default();
            ::ntex_grpc::Message::merge_from(&mut msg, src)?;
            Ok(msg)
        }

        #[inline]
        fn merge_from(
            &mut self,
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<(), ::ntex_grpc::DecodeError> {
            const STRUCT_NAME: &str = "Logs";
            while !src.is_empty() {
                let (tag, wire_type) = ::ntex_grpc::encoding::decode_key(src)?;
                match tag {
                    1 => ::ntex_grpc::NativeType::deserialize(&mut self.logs, tag, wire_type, src)
                        .map_err(|err| err.push(STRUCT_NAME, "logs"))?,
                    _ => ::ntex_grpc::encoding::skip_field(wire_type, tag, src)?,
                }
            }
            Ok(())
        }

        #[inline]
        fn encoded_len(&self) -> usize {
            0 + ::ntex_grpc::NativeType::serialized_len(
                &self.logs,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
            )
        }
    }

    impl ::std::default::Default for Logs {
        #[inline]
        fn default() -> Self {
            Self {
                logs: ::core::default::Default::default(),
            }
        }
    }

    impl ::ntex_grpc::Message for Log {
        #[inline]
        fn write(&self, dst: &mut ::ntex_grpc::BytePages) {
            ::ntex_grpc::NativeType::serialize(
                &self.time_unix_nano,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
            ::ntex_grpc::NativeType::serialize(
                &self.severity,
                2,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
            ::ntex_grpc::NativeType::serialize(
                &self.body,
                3,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
            ::ntex_grpc::NativeType::serialize(
                &self.trace_id,
                4,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
            ::ntex_grpc::NativeType::serialize(
                &self.span_id,
                5,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
            ::ntex_grpc::NativeType::serialize(
                &self.attributes,
                6,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
        }

        #[inline]
        fn read(
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<Self, ::ntex_grpc::DecodeError> {
            let mut msg = Self::default();
            ::ntex_grpc::Message::merge_from(&mut msg, src)?;
            Ok(msg)
        }

        #[inline]
        fn merge_from(
            &mut self,
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<(), ::ntex_grpc::DecodeError> {
            const STRUCT_NAME: &str = "Log";
            while !src.is_empty() {
                let (tag, wire_type) = ::ntex_grpc::encoding::decode_key(src)?;
                match tag {
                    1 => ::ntex_grpc::NativeType::deserialize(
                        &mut self.time_unix_nano,
                        tag,
                        wire_type,
                        src,
                    )
                    .map_err(|err| err.push(STRUCT_NAME, "time_unix_nano"))?,
                    2 => ::ntex_grpc::NativeType::deserialize(
                        &mut self.severity,
                        tag,
                        wire_type,
                        src,
                    )
                    .map_err(|err| err.push(STRUCT_NAME, "severity"))?,
                    3 => ::ntex_grpc::NativeType::deserialize(&mut self.body, tag, wire_type, src)
                        .map_err(|err| err.push(STRUCT_NAME, "body"))?,
                    4 => ::ntex_grpc::NativeType::deserialize(
                        &mut self.trace_id,
                        tag,
                        wire_type,
                        src,
                    )
                    .map_err(|err| err.push(STRUCT_NAME, "trace_id"))?,
                    5 => {
                        ::ntex_grpc::NativeType::deserialize(&mut self.span_id, tag, wire_type, src)
                            .map_err(|err| err.push(STRUCT_NAME, "span_id"))?
                    }
                    6 => ::ntex_grpc::NativeType::deserialize(
                        &mut self.attributes,
                        tag,
                        wire_type,
                        src,
                    )
                    .map_err(|err| err.push(STRUCT_NAME, "attributes"))?,
                    _ => ::ntex_grpc::encoding::skip_field(wire_type, tag, src)?,
                }
            }
            Ok(())
        }

        #[inline]
        fn encoded_len(&self) -> usize {
            0 + ::ntex_grpc::NativeType::serialized_len(
                &self.time_unix_nano,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
            ) + ::ntex_grpc::NativeType::serialized_len(
                &self.severity,
                2,
                ::ntex_grpc::types::DefaultValue::Default,
            ) + ::ntex_grpc::NativeType::serialized_len(
                &self.body,
                3,
                ::ntex_grpc::types::DefaultValue::Default,
            ) + ::ntex_grpc::NativeType::serialized_len(
                &self.trace_id,
                4,
                ::ntex_grpc::types::DefaultValue::Default,
            ) + ::ntex_grpc::NativeType::serialized_len(
                &self.span_id,
                5,
                ::ntex_grpc::types::DefaultValue::Default,
            ) + ::ntex_grpc::NativeType::serialized_len(
                &self.attributes,
                6,
                ::ntex_grpc::types::DefaultValue::Default,
            )
        }
    }

    impl ::std::default::Default for Log {
        #[inline]
        fn default() -> Self {
            Self {
                time_unix_nano: ::core::default::Default::default(),
                severity: ::core::default::Default::default(),
                body: ::core::default::Default::default(),
                trace_id: ::core::default::Default::default(),
                span_id: ::core::default::Default::default(),
                attributes: ::core::default::Default::default(),
            }
        }
    }

    impl ::ntex_grpc::Message for Attribute {
        #[inline]
        fn write(&self, dst: &mut ::ntex_grpc::BytePages) {
            ::ntex_grpc::NativeType::serialize(
                &self.key,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
            ::ntex_grpc::NativeType::serialize(
                &self.value,
                0,
                ::ntex_grpc::types::DefaultValue::Default,
                dst,
            );
        }

        #[inline]
        fn read(
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<Self, ::ntex_grpc::DecodeError> {
            let mut msg = Self::default();
            ::ntex_grpc::Message::merge_from(&mut msg, src)?;
            Ok(msg)
        }

        #[inline]
        fn merge_from(
            &mut self,
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<(), ::ntex_grpc::DecodeError> {
            const STRUCT_NAME: &str = "Attribute";
            while !src.is_empty() {
                let (tag, wire_type) = ::ntex_grpc::encoding::decode_key(src)?;
                match tag {
                    1 => ::ntex_grpc::NativeType::deserialize(&mut self.key, tag, wire_type, src)
                        .map_err(|err| err.push(STRUCT_NAME, "key"))?,
                    2 | 3 | 4 | 5 => {
                        ::ntex_grpc::NativeType::deserialize(&mut self.value, tag, wire_type, src)
                            .map_err(|err| err.push(STRUCT_NAME, "value"))?
                    }
                    _ => ::ntex_grpc::encoding::skip_field(wire_type, tag, src)?,
                }
            }
            Ok(())
        }

        #[inline]
        fn encoded_len(&self) -> usize {
            0 + ::ntex_grpc::NativeType::serialized_len(
                &self.key,
                1,
                ::ntex_grpc::types::DefaultValue::Default,
            ) + ::ntex_grpc::NativeType::serialized_len(
                &self.value,
                0,
                ::ntex_grpc::types::DefaultValue::Default,
            )
        }
    }

    impl ::std::default::Default for Attribute {
        #[inline]
        fn default() -> Self {
            Self {
                key: ::core::default::Default::default(),
                value: ::core::default::Default::default(),
            }
        }
    }

    impl ::ntex_grpc::NativeType for attribute::Value {
        const TYPE: ::ntex_grpc::WireType = ::ntex_grpc::WireType::LengthDelimited;

        fn merge(
            &mut self,
            _: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<(), ::ntex_grpc::DecodeError> {
            panic!("Not supported")
        }

        fn encode_value(&self, _: &mut ::ntex_grpc::BytePages) {
            panic!("Not supported")
        }

        #[inline]
        /// Encodes the message to a buffer.
        fn serialize(
            &self,
            _: u32,
            _: ::ntex_grpc::types::DefaultValue<&Self>,
            dst: &mut ::ntex_grpc::BytePages,
        ) {
            match *self {
                attribute::Value::Text(ref value) => ::ntex_grpc::NativeType::serialize(
                    value,
                    2,
                    ::ntex_grpc::types::DefaultValue::Unknown,
                    dst,
                ),
                attribute::Value::Number(ref value) => ::ntex_grpc::NativeType::serialize(
                    value,
                    3,
                    ::ntex_grpc::types::DefaultValue::Unknown,
                    dst,
                ),
                attribute::Value::Real(ref value) => ::ntex_grpc::NativeType::serialize(
                    value,
                    4,
                    ::ntex_grpc::types::DefaultValue::Unknown,
                    dst,
                ),
                attribute::Value::Flag(ref value) => ::ntex_grpc::NativeType::serialize(
                    value,
                    5,
                    ::ntex_grpc::types::DefaultValue::Unknown,
                    dst,
                ),
            }
        }

        #[inline]
        /// Decodes an instance of the message from a buffer, and merges it into self.
        fn deserialize(
            &mut self,
            tag: u32,
            wire_type: ::ntex_grpc::WireType,
            src: &mut ::ntex_grpc::Bytes,
        ) -> ::std::result::Result<(), ::ntex_grpc::DecodeError> {
            match tag {
                2 => {
                    if let attribute::Value::Text(ref mut value) = *self {
                        ::ntex_grpc::NativeType::deserialize(value, 2, wire_type, src)?;
                    } else {
                        *self = attribute::Value::Text(
                            ::ntex_grpc::NativeType::deserialize_default(2, wire_type, src)?,
                        );
                    }
                }
                3 => {
                    if let attribute::Value::Number(ref mut value) = *self {
                        ::ntex_grpc::NativeType::deserialize(value, 3, wire_type, src)?;
                    } else {
                        *self = attribute::Value::Number(
                            ::ntex_grpc::NativeType::deserialize_default(3, wire_type, src)?,
                        );
                    }
                }
                4 => {
                    if let attribute::Value::Real(ref mut value) = *self {
                        ::ntex_grpc::NativeType::deserialize(value, 4, wire_type, src)?;
                    } else {
                        *self = attribute::Value::Real(
                            ::ntex_grpc::NativeType::deserialize_default(4, wire_type, src)?,
                        );
                    }
                }
                5 => {
                    if let attribute::Value::Flag(ref mut value) = *self {
                        ::ntex_grpc::NativeType::deserialize(value, 5, wire_type, src)?;
                    } else {
                        *self = attribute::Value::Flag(
                            ::ntex_grpc::NativeType::deserialize_default(5, wire_type, src)?,
                        );
                    }
                }
                _ => unreachable!("invalid Value, tag: {}", tag),
            }
            Ok(())
        }

        #[inline]
        /// Returns the encoded length of the message without a length delimiter.
        fn serialized_len(&self, _: u32, _: ::ntex_grpc::types::DefaultValue<&Self>) -> usize {
            match *self {
                attribute::Value::Text(ref value) => ::ntex_grpc::NativeType::serialized_len(
                    value,
                    2,
                    ::ntex_grpc::types::DefaultValue::Unknown,
                ),
                attribute::Value::Number(ref value) => ::ntex_grpc::NativeType::serialized_len(
                    value,
                    3,
                    ::ntex_grpc::types::DefaultValue::Unknown,
                ),
                attribute::Value::Real(ref value) => ::ntex_grpc::NativeType::serialized_len(
                    value,
                    4,
                    ::ntex_grpc::types::DefaultValue::Unknown,
                ),
                attribute::Value::Flag(ref value) => ::ntex_grpc::NativeType::serialized_len(
                    value,
                    5,
                    ::ntex_grpc::types::DefaultValue::Unknown,
                ),
            }
        }
    }

    impl ::std::default::Default for attribute::Value {
        #[inline]
        fn default() -> Self {
            attribute::Value::Text(::std::default::Default::default())
        }
    }

    impl ::ntex_grpc::ServiceDef for Bench {
        const NAME: &'static str = "bench.Bench";
        type Methods = BenchMethods;

        #[inline]
        fn method_by_name(name: &str) -> Option<Self::Methods> {
            use ::ntex_grpc::MethodDef;
            match name {
                BenchEchoMethod::NAME => Some(BenchMethods::Echo(BenchEchoMethod)),
                BenchDownMethod::NAME => Some(BenchMethods::Down(BenchDownMethod)),
                BenchUpMethod::NAME => Some(BenchMethods::Up(BenchUpMethod)),
                BenchBothMethod::NAME => Some(BenchMethods::Both(BenchBothMethod)),
                BenchWaitMethod::NAME => Some(BenchMethods::Wait(BenchWaitMethod)),
                BenchBurnMethod::NAME => Some(BenchMethods::Burn(BenchBurnMethod)),
                BenchRecordMethod::NAME => Some(BenchMethods::Record(BenchRecordMethod)),
                _ => None,
            }
        }
    }

    impl<T> BenchClient<T> {
        #[inline]
        /// Create new client instance
        pub fn new(transport: T) -> Self {
            Self(transport)
        }
    }

    impl<T> ::ntex_grpc::client::ClientInformation<T> for BenchClient<T> {
        #[inline]
        /// Create new client instance
        fn create(transport: T) -> Self {
            Self(transport)
        }

        #[inline]
        /// Get referece to underlying transport
        fn transport(&self) -> &T {
            &self.0
        }

        #[inline]
        /// Get mut referece to underlying transport
        fn transport_mut(&mut self) -> &mut T {
            &mut self.0
        }

        #[inline]
        /// Consume client and return inner transport
        fn into_inner(self) -> T {
            self.0
        }
    }

    impl<T> BenchClient<T> {
        ///  Answers with the message it got. Costs what a unary call of that size costs.
        pub fn echo<'a>(
            &'a self,
            req: &'a super::Blob,
        ) -> ::ntex_grpc::client::Request<'a, T, BenchEchoMethod> {
            ::ntex_grpc::client::Request::new(&self.0, req)
        }
    }

    impl<T> BenchClient<T> {
        ///  Sends the messages of the plan. Costs what sending a stream costs.
        pub fn down<'a>(
            &'a self,
            req: &'a super::Plan,
        ) -> ::ntex_grpc::client::StreamRequest<
            'a,
            T,
            BenchDownMethod,
            ::ntex_grpc::client::ServerStreaming<'a, super::Plan>,
        > {
            ::ntex_grpc::client::StreamRequest::server_streaming(&self.0, req)
        }
    }

    impl<T> BenchClient<T> {
        ///  Counts the messages it gets. Costs what receiving a stream costs.
        pub fn up(
            &self,
            tx: &::ntex_grpc::SendStream<super::Blob>,
        ) -> ::ntex_grpc::client::StreamRequest<
            '_,
            T,
            BenchUpMethod,
            ::ntex_grpc::client::ClientStreaming,
        > {
            ::ntex_grpc::client::StreamRequest::client_streaming(&self.0, tx)
        }
    }

    impl<T> BenchClient<T> {
        ///  Answers each message with itself, as soon as it is there.
        pub fn both(
            &self,
        ) -> ::ntex_grpc::client::StreamRequest<'_, T, BenchBothMethod, ::ntex_grpc::client::Bidi>
        {
            ::ntex_grpc::client::StreamRequest::bidi(&self.0)
        }
    }

    impl<T> BenchClient<T> {
        ///  Awaits one millisecond, then answers with the message it got.
        pub fn wait<'a>(
            &'a self,
            req: &'a super::Blob,
        ) -> ::ntex_grpc::client::Request<'a, T, BenchWaitMethod> {
            ::ntex_grpc::client::Request::new(&self.0, req)
        }
    }

    impl<T> BenchClient<T> {
        ///  Burns 200 microseconds of CPU by the clock of its thread, then answers with the message it got.
        pub fn burn<'a>(
            &'a self,
            req: &'a super::Blob,
        ) -> ::ntex_grpc::client::Request<'a, T, BenchBurnMethod> {
            ::ntex_grpc::client::Request::new(&self.0, req)
        }
    }

    impl<T> BenchClient<T> {
        ///  Decodes all of the records; counts them and the bytes of their bodies.
        pub fn record<'a>(
            &'a self,
            req: &'a super::Logs,
        ) -> ::ntex_grpc::client::Request<'a, T, BenchRecordMethod> {
            ::ntex_grpc::client::Request::new(&self.0, req)
        }
    }
}
